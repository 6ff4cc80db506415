use sluicebox_tests::amf::{self, Value};
use sluicebox_tests::dechunk::messages;
use sluicebox_tests::flv;
use sluicebox_tests::handshake::filler;
use sluicebox_tests::wire::{Basic, Header, Message, Script};

#[test]
fn what_a_script_writes_is_read_back() {
    let (long, short) = (filler(1000, 1), filler(10, 2));
    let script = Script::new()
        .connect("live")
        .chunk_size(64)
        .interleaved(&Message::video(40, &long), &Message::audio(33, &short))
        .message(&Message::video(0, &long).header(Header::Delta(20)))
        .message(&Message::video(0, &long).header(Header::Same))
        .message(&Message::audio(7, &[]).on(70).basic(Basic::Three));
    let read = messages(script.bytes());
    let seen: Vec<_> = read.iter().map(|m| (m.kind, m.timestamp, m.body.len())).collect();
    let connect = read[0].body.len();
    assert_eq!(
        seen,
        [
            (20, 0, connect),
            (1, 0, 4),
            (8, 33, 10),
            (9, 40, 1000),
            (9, 60, 1000),
            (9, 80, 1000),
            (8, 7, 0)
        ]
    );
    assert!(read[3].body == long);
    assert_eq!(amf::decode(&read[0].body)[..2], ["connect".into(), 1.0.into()]);
}

#[test]
fn basic_headers_take_all_three_forms() {
    let header = |chunk_stream, form| {
        let message = Message::audio(0, &[]).on(chunk_stream).basic(form);
        Script::new().message(&message).bytes()[..3].to_vec()
    };
    assert_eq!(header(63, Basic::Shortest)[0], 63);
    assert_eq!(header(64, Basic::Shortest)[..2], [0, 0]);
    assert_eq!(header(319, Basic::Two)[..2], [0, 255]);
    assert_eq!(header(319, Basic::Three), [1, 255, 0]);
    assert_eq!(header(320, Basic::Shortest), [1, 0, 1]);
    assert_eq!(header(65599, Basic::Shortest), [1, 255, 255]);
}

#[test]
fn extended_timestamps_are_repeated_or_not() {
    let body = filler(300, 3);
    let repeated = Message::video(0x0100_0000, &body);
    let bare = repeated.clone().bare_type3();
    let repeated = Script::new().message(&repeated);
    let bare = Script::new().message(&bare);
    assert_eq!(repeated.bytes().len(), bare.bytes().len() + 2 * 4);
    for script in [repeated, bare] {
        let read = messages(script.bytes());
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].timestamp, &read[0].body), (0x0100_0000, &body));
    }
}

#[test]
fn values_survive_amf() {
    let values = [
        Value::object([("a", 1.5.into()), ("b", Value::Null), ("", true.into())]),
        Value::EcmaArray(vec![("k".into(), Value::Undefined)]),
        Value::StrictArray(vec!["s".into(), "x".repeat(70_000).as_str().into()]),
    ];
    assert_eq!(amf::decode(&amf::encode(&values)), values);
}

#[test]
fn a_torn_recording_is_refused() {
    let tag = [&[9, 0, 0, 2, 0, 0, 5, 1, 0, 0, 0][..], &[7, 8], &[0, 0, 0, 13]].concat();
    let file = [&b"FLV\x01\x05\0\0\0\x09\0\0\0\0"[..], &tag, &tag].concat();
    let tags = flv::parse(&file).expect("a whole file");
    assert_eq!((tags.len(), tags[1].timestamp), (2, 0x0100_0005));
    for len in 0..file.len() {
        let whole = len == 13 || len == 13 + tag.len();
        assert_eq!(flv::parse(&file[..len]).is_ok(), whole, "cut at {len}");
    }
    let mut wrong = file;
    *wrong.last_mut().expect("a byte") += 1;
    assert!(flv::parse(&wrong).expect_err("a wrong size").contains("PreviousTagSize 14"));
}
