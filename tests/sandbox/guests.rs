//! Guests in text: one that does nothing wrong, and ways to change it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The twelve functions: name, type, and a body that means no harm.
const FUNCTIONS: [(&str, &str, &str); 12] = [
    ("version", "(result i32)", "(i32.const 2)"),
    ("open", "(param i32 i64)", ""),
    ("space", "(param i32) (result i32)", "(i32.const 0x20000)"),
    ("feed", "(param i32)", ""),
    ("poll", "(result i32)", "(i32.const 0x1000)"),
    ("part", "(param i32) (result i32)", "(i32.const 0)"),
    ("accept", "(param i32)", ""),
    ("reject", "(param i32 i32)", ""),
    ("reconnect", "(param i32) (result i32)", "(i32.const 0)"),
    ("idle", "", ""),
    ("close", "(param i32)", ""),
    ("trim", "(result i32)", "(i32.const 0)"),
];

/// Bytes of memory that the guest below has: four pages. Input goes to the upper two, records to
/// the lower two.
pub(crate) const MEMORY: u32 = 4 << 16;
/// Where the records begin; each has 256 bytes.
pub(crate) const RECORDS: u32 = 0x1000;
/// Where the records of parts begin; each has 32 bytes.
const PARTS: u32 = 0x3000;
/// Where [`TAG`] lies.
pub(crate) const TAG_AT: u32 = 0x100;
/// A tag: audio of three bytes.
pub(crate) const TAG: &[u8; 18] = b"\x08\0\0\x03\0\0\0\0\0\0\0abc\0\0\0\x0e";
/// Where a text with a line break, an escape sequence and a byte that is no text lies.
pub(crate) const TEXT_AT: u32 = 0x200;
/// That text.
pub(crate) const TEXT: &[u8] = b"no\n\x1b[2Jgood\xff";

/// An endless loop, where a result may be wanted.
pub(crate) const SPIN: &str = "(loop $again (br $again)) (unreachable)";

/// A module in the making.
#[derive(Clone)]
pub(crate) struct Guest {
    memory: String,
    functions: BTreeMap<&'static str, String>,
    more: String,
}

impl Guest {
    /// Exports what a guest has to, and never says anything.
    pub(crate) fn good() -> Self {
        let function = |(name, kind, body)| (name, export(name, kind, body));
        let more = data(TAG_AT, TAG) + &data(TEXT_AT, TEXT);
        let functions = FUNCTIONS.into_iter().map(function).collect();
        Self { memory: r#"(memory (export "memory") 4)"#.into(), functions, more }
    }

    /// The good one, with another body for one function.
    pub(crate) fn with(name: &'static str, body: &str) -> Self {
        Self::good().and(name, body)
    }

    /// Another body for one more function.
    pub(crate) fn and(self, name: &'static str, body: &str) -> Self {
        let (_, kind, _) = FUNCTIONS.iter().find(|one| one.0 == name).expect("one of them");
        self.typed(name, kind, body)
    }

    /// Another type and body for a function.
    pub(crate) fn typed(mut self, name: &'static str, kind: &str, body: &str) -> Self {
        self.functions.insert(name, export(name, kind, body));
        self
    }

    /// Without one of its functions.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.functions.remove(name).expect("one of them");
        self
    }

    /// With another memory, or whatever else stands in its place.
    pub(crate) fn memory(mut self, text: &str) -> Self {
        self.memory = text.into();
        self
    }

    /// Adds something more.
    pub(crate) fn add(&mut self, text: &str) {
        self.more += text;
    }

    /// With something more.
    pub(crate) fn more(mut self, text: &str) -> Self {
        self.more += text;
        self
    }

    /// Gives the records of `once` one after another, and then those of `ever` without end; if
    /// there are none, says that there is nothing more.
    pub(crate) fn says(once: &[Record], ever: &[Record]) -> Self {
        let nothing = [Record::NOTHING];
        let ever = if ever.is_empty() { &nothing } else { ever };
        let records: Vec<_> = once.iter().chain(ever).collect();
        let poll = format!(
            "(local $at i32)
            (local.set $at (global.get $said))
            (global.set $said (i32.add (local.get $at) (i32.const 1)))
            (if (i32.ge_u (global.get $said) (i32.const {}))
                (then (global.set $said (i32.const {}))))
            (i32.add (i32.const {RECORDS}) (i32.mul (local.get $at) (i32.const 256)))",
            records.len(),
            once.len()
        );
        let mut guest = Self::with("poll", &poll).more("(global $said (mut i32) (i32.const 0))");
        for (record, at) in records.iter().zip((RECORDS..).step_by(256)) {
            guest.more += &data(at, &record.bytes());
        }
        guest
    }

    /// Gives these parts one after another, each once: message stream, where in the body, length of the whole
    /// body; address and length of the bytes.
    pub(crate) fn parts(mut self, parts: &[[u32; 5]]) -> Self {
        let part = format!(
            "(local $at i32)
            (local.set $at (global.get $parted))
            (if (i32.ge_u (local.get $at) (i32.const {}))
                (then (return (i32.const 0))))
            (global.set $parted (i32.add (local.get $at) (i32.const 1)))
            (i32.add (i32.const {PARTS}) (i32.mul (local.get $at) (i32.const 32)))",
            parts.len()
        );
        for (part, at) in parts.iter().zip((PARTS..).step_by(32)) {
            self.more += &data(at, &part.map(u32::to_le_bytes).concat());
        }
        self.and("part", &part).more("(global $parted (mut i32) (i32.const 0))")
    }

    /// Gives one record, and no other.
    pub(crate) fn says_once(record: Record) -> Self {
        Self::says(&[record], &[])
    }

    /// The module in text.
    pub(crate) fn text(&self) -> String {
        let functions: String = self.functions.values().map(String::as_str).collect();
        format!("(module {} {functions} {})", self.memory, self.more)
    }

    /// The module.
    pub(crate) fn module(&self) -> Vec<u8> {
        let text = self.text();
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }
}

fn export(name: &str, kind: &str, body: &str) -> String {
    format!("(func ${name} (export \"{name}\") {kind} {body})\n")
}

/// A data segment.
pub(crate) fn data(at: u32, bytes: &[u8]) -> String {
    let mut text = format!("(data (i32.const {at}) \"");
    bytes.iter().for_each(|byte| write!(text, "\\{byte:02x}").expect("a string takes all"));
    text + "\")\n"
}

/// An event record, written by the book, or against it.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    kind: u32,
    stream: u32,
    received: u64,
    stray: u64,
    words: Vec<u32>,
}

impl Record {
    pub(crate) const NOTHING: Self = Self::of(0, 0, Vec::new());

    const fn of(kind: u32, stream: u32, words: Vec<u32>) -> Self {
        Self { kind, stream, received: 0, stray: 0, words }
    }

    /// An event of a kind that no version has.
    pub(crate) const fn unknown(kind: u32) -> Self {
        Self::of(kind, 0, Vec::new())
    }

    /// A reply of `len` bytes.
    pub(crate) fn reply(at: u32, len: u32) -> Self {
        Self::of(1, 0, vec![at, len])
    }

    /// `connect`; all texts and lists are this one.
    pub(crate) fn connect(at: u32, len: u32) -> Self {
        Self::of(2, 0, [[at, len].repeat(8), vec![0; 3]].concat())
    }

    /// `publish` of `live/abc`, kind `abc`.
    pub(crate) fn publish(stream: u32) -> Self {
        Self::named(stream, TAG_AT + 11, 3)
    }

    /// `publish`; all four texts are this one.
    pub(crate) fn named(stream: u32, at: u32, len: u32) -> Self {
        Self::of(3, stream, [at, len].repeat(4))
    }

    /// `count` tags in `len` bytes.
    pub(crate) fn tags(stream: u32, at: u32, len: u32, count: u32) -> Self {
        Self::of(4, stream, vec![at, len, count, 0, 0, 0])
    }

    /// The same; of the one at `of` so much of the body came ahead.
    pub(crate) fn rest(stream: u32, run: [u32; 3], ahead: u32, of: u32) -> Self {
        let [at, len, count] = run;
        Self::of(4, stream, vec![at, len, count, ahead, 0, 0, of])
    }

    /// [`TAG`].
    pub(crate) fn tag(stream: u32) -> Self {
        Self::tags(stream, TAG_AT, 18, 1)
    }

    /// The end of a stream, by the peer, of which so many messages and bytes were received and
    /// written.
    pub(crate) fn unpublish(stream: u32, received: [u64; 2], written: [u64; 2]) -> Self {
        Self::ended(stream, [1, 0], received, written, 0)
    }

    /// The end of a stream: who ended it and why, and its ledger, in which everything that was
    /// refused is `refused`.
    pub(crate) fn ended(
        stream: u32,
        end: [u32; 2],
        received: [u64; 2],
        written: [u64; 2],
        refused: u64,
    ) -> Self {
        let numbers = received.into_iter().chain(written).chain([0]).chain([refused; 8]);
        let halves = numbers.flat_map(|long| long.to_le_bytes().as_chunks::<4>().0.to_vec());
        let words = halves.map(u32::from_le_bytes);
        Self::of(5, stream, end.into_iter().chain(words).collect())
    }

    /// The session has failed: the number of the error, and a text.
    pub(crate) fn failed(code: u32, at: u32, len: u32) -> Self {
        Self::of(6, 0, vec![code, 0, 0, 0, at, len])
    }

    /// With another count of bytes taken in, and of stray media.
    pub(crate) fn counting(self, received: u64, stray: u64) -> Self {
        Self { received, stray, ..self }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = [self.kind, self.stream].map(u32::to_le_bytes).concat();
        bytes.extend([self.received, self.stray, self.stray].map(u64::to_le_bytes).concat());
        bytes.extend(self.words.iter().flat_map(|word| word.to_le_bytes()));
        bytes
    }
}
