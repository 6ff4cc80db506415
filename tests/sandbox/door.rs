//! The real guest, with a back door: hostile connections and good ones in one server.

use std::fmt::Write as _;

/// What hostile connections begin with; the byte behind it says what the guest does then.
const MAGIC: &[u8; 7] = b"HOSTILE";

/// What the guest does for the byte, and what the server's log calls it.
pub(super) const DEEDS: [(u8, &str); 9] = [
    (b'0', "ran for too long"),
    (b'1', "trapped: wasm trap: wasm `unreachable` instruction executed"),
    (b'2', "wanted more memory than it may have"),
    (b'3', "trapped: wasm trap: call stack exhausted"),
    (b'4', "ran for too long"),
    (b'5', "gave a record that cannot be read: event record at 0xffffffff is outside the memory"),
    (b'6', "gave a record that cannot be read: 4294967295 bytes at"),
    (b'7', "gave an event out of order for stream 1"),
    (b'8', "gave more events than its input can mean"),
];

/// What is added to the guest. `{space}`, `{feed}` and `{poll}` are its own functions.
const DOOR: &str = r#"
(global $room (mut i32) (i32.const 0))
(global $deed (mut i32) (i32.const 0))
(func $door_space (param i32) (result i32)
    (global.set $room (call {space} (local.get 0)))
    (global.get $room))
(func $door_feed (param i32)
    (if (i32.ge_u (local.get 0) (i32.const 8)) (then
        (if (i64.eq (i64.shl (i64.load (global.get $room)) (i64.const 8)) (i64.const {magic}))
            (then
                (global.set $deed (i32.load8_u offset=7 (global.get $room)))
                (call $deeds)))))
    (call {feed} (local.get 0)))
(func $deeds
    (if (call $is (i32.const 0)) (then (loop $again (br $again))))
    (if (call $is (i32.const 1)) (then (unreachable)))
    (if (call $is (i32.const 2)) (then
        (call $grow) (memory.fill (i32.const 0) (i32.const 1) (i32.shl (memory.size) (i32.const 16)))
        (unreachable)))
    (if (call $is (i32.const 3)) (then (call $deeds) (call $deeds)))
    (if (call $is (i32.const 4)) (then
        (call $grow)
        (loop $again
            (memory.fill (i32.const 0) (i32.const 1) (i32.shl (memory.size) (i32.const 16)))
            (br $again)))))
(func $is (param i32) (result i32)
    (i32.eq (global.get $deed) (i32.add (local.get 0) (i32.const 0x30))))
(func $grow (loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))))
(func $door_poll (result i32)
    (if (call $is (i32.const 5)) (then (return (i32.const -1))))
    (if (call $is (i32.const 6)) (then
        (return (call $record (i32.const 1) (i32.const 0) (i32.const -1)))))
    (if (call $is (i32.const 7)) (then
        (return (call $record (i32.const 4) (i32.const 1) (i32.const 0)))))
    (if (call $is (i32.const 8)) (then
        (return (call $record (i32.const 1) (i32.const 0) (i32.const 0)))))
    (call {poll}))
(func $record (param $kind i32) (param $stream i32) (param $len i32) (result i32)
    (memory.fill (global.get $room) (i32.const 0) (i32.const 256))
    (i32.store (global.get $room) (local.get $kind))
    (i32.store offset=4 (global.get $room) (local.get $stream))
    (i32.store offset=36 (global.get $room) (local.get $len))
    (global.get $room))
"#;

/// Puts the door into a guest.
pub(super) fn open(module: &[u8]) -> Vec<u8> {
    let mut text = wasmprinter::print_bytes(module).expect("the guest is a module");
    let mut door = DOOR.to_owned();
    for name in ["space", "feed", "poll"] {
        let before = format!("(export \"{name}\" (func ");
        let start = text.find(&before).expect("the guest has this export") + before.len();
        let len = text[start..].find(')').expect("the end of the export");
        door = door.replace(&format!("{{{name}}}"), &text[start..start + len]);
        text.replace_range(start..start + len, &format!("$door_{name}"));
    }
    let mut magic = [0; 8];
    magic[1..].copy_from_slice(MAGIC);
    door = door.replace("{magic}", &i64::from_le_bytes(magic).to_string());
    let end = text.rfind(')').expect("the end of the module");
    text.truncate(end);
    write!(text, "{door})").expect("a string takes all");
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"))
}

/// What a hostile connection sends.
pub(super) fn knock(deed: u8) -> Vec<u8> {
    [MAGIC, &[deed][..], &[0; 100]].concat()
}
