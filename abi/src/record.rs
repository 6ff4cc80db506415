//! The event record: what `poll` leaves in the guest's memory.
//!
//! ```text
//!   0  kind 4 │ stream 4 │ received 8 │ stray messages 8 │ stray bytes 8
//!  32  reply      bytes
//!      connect    app │ tcUrl │ flashVer │ swfUrl │ pageUrl │ list │ video │ audio
//!                 │ capsEx 4 │ videoFunction 4 │ objectEncoding 4
//!      publish    app │ tcUrl │ name │ kind
//!      tags       bytes │ count 4 │ ahead 4 │ refused 8 │ ahead of 4
//!      unpublish  who 4 │ why 4 │ received 16 │ written 16 │ unwrapped 8 │ aborted 16 │ torn 16 │ early 16 │ foreign 16
//!      failed     code 4 │ a 4 │ b 4 │ 0 4 │ text
//! ```
//!
//! `bytes`, `text`, the names and the lists of codecs are an address and a length, four bytes each; 16 are a tally:
//! messages and bytes, eight bytes each.

use core::fmt;

use sluicebox_core::{Error, Event, Publish, StreamId, Tags, Tally, Text, Unpublish};

use crate::codes;
use crate::fields::{Reader, Writer};

/// Length of the longest record, in bytes. A shorter one ends earlier.
pub const LEN: usize = 144;
/// Where the state of the session begins.
const STATE: usize = 8;
/// What all records begin with, in bytes.
const HEADER: usize = 32;

/// What `poll` found, and the state of the session after it.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Bytes taken in so far.
    pub received: u64,
    /// Media that belongs to no stream.
    pub stray: Tally,
    /// What came out.
    pub outcome: Outcome<'a>,
}

/// What came out of a session.
#[derive(Clone, Copy, Debug)]
pub enum Outcome<'a> {
    /// Nothing: everything that was fed is in, or a decision is due.
    Nothing,
    /// An event.
    Event(Event<'a>),
    /// The session has failed, for good.
    Failed {
        /// What the core called it; `None` when the guest has an error that this host does not
        /// know.
        error: Option<Error>,
        /// The same in words.
        text: Text<'a>,
    },
}

/// How a guest broke the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The record is not inside the memory.
    Record {
        /// Where it was said to be.
        at: u32,
    },
    /// What a record points at is not inside the memory.
    Range {
        /// Where it was said to begin.
        at: u32,
        /// How long it was said to be, in bytes.
        len: u32,
    },
    /// An event of a kind that does not exist.
    Kind(u32),
    /// A number that means nothing where it stands.
    Code(u32),
}

impl Outcome<'_> {
    /// The record of it, with the state of the session left at 0: see [`stamp`]. `address` tells
    /// where in the guest's memory a slice lies.
    pub fn encode(&self, address: impl Fn(&[u8]) -> u32) -> [u8; LEN] {
        let mut out = Writer { bytes: [0; LEN], at: 0, address };
        let (kind, stream) = match self {
            Self::Nothing => (codes::NOTHING, 0),
            Self::Failed { .. } => (codes::FAILED, 0),
            Self::Event(event) => match event {
                Event::Reply(_) => (codes::REPLY, 0),
                Event::Connect(_) => (codes::CONNECT, 0),
                Event::Publish(publish) => (codes::PUBLISH, publish.stream.0),
                Event::Tags(tags) => (codes::TAGS, tags.stream.0),
                Event::Unpublish(end) => (codes::UNPUBLISH, end.stream.0),
                // An event that this version has no record for: nothing a host could act on.
                _ => (codes::NOTHING, 0),
            },
        };
        out.word(kind);
        out.word(stream);
        out.at = HEADER;
        match *self {
            Self::Nothing => {}
            Self::Failed { error, text } => {
                let numbers = error.map_or([codes::OTHER, 0, 0], codes::of_error);
                numbers.into_iter().chain([0]).for_each(|number| out.word(number));
                out.slice(text.0);
            }
            Self::Event(event) => match event {
                Event::Reply(bytes) => out.slice(bytes),
                Event::Connect(connect) => out.connect(&connect),
                Event::Publish(Publish { app, tc_url, name, kind, .. }) => {
                    [app, tc_url, name, kind].iter().for_each(|text| out.slice(text.0));
                }
                Event::Tags(tags) => {
                    out.slice(tags.bytes);
                    out.word(tags.count);
                    out.word(tags.ahead);
                    out.long(tags.refused);
                    out.word(tags.ahead_of);
                }
                Event::Unpublish(end) => {
                    let (who, why) = codes::of_end(end.why);
                    out.word(who);
                    out.word(why);
                    out.ledger(&end.ledger);
                }
                _ => {}
            },
        }
        out.bytes
    }
}

/// Writes the state of the session into a record: it is known when the event is no longer borrowed.
pub fn stamp(record: &mut [u8; LEN], received: u64, stray: Tally) {
    let state = [received, stray.messages, stray.bytes];
    for (place, number) in record[STATE..HEADER].chunks_exact_mut(8).zip(state) {
        place.copy_from_slice(&number.to_le_bytes());
    }
}

impl<'a> Record<'a> {
    /// The record at address `at` of a guest's memory, with what it points at.
    ///
    /// # Errors
    ///
    /// When any of it is not in the memory, or means nothing. Only a guest that is not what it
    /// should be gives such a record.
    pub fn decode(memory: &'a [u8], at: u32) -> Result<Self, Fault> {
        let record = memory.get(at as usize..).ok_or(Fault::Record { at })?;
        let mut input = Reader { memory, record, at };
        let kind = input.word()?;
        let stream = StreamId(input.word()?);
        let received = input.long()?;
        let stray = input.tally()?;
        let event = match kind {
            codes::NOTHING => return Ok(Self { received, stray, outcome: Outcome::Nothing }),
            codes::REPLY => Event::Reply(input.slice()?),
            codes::CONNECT => Event::Connect(input.connect()?),
            codes::PUBLISH => Event::Publish(Publish {
                stream,
                app: input.text()?,
                tc_url: input.text()?,
                name: input.text()?,
                kind: input.text()?,
            }),
            codes::TAGS => {
                let bytes = input.slice()?;
                let (count, ahead) = (input.word()?, input.word()?);
                let refused = input.long()?;
                // A guest that gives no parts need not have it.
                let ahead_of = if ahead > 0 { input.word()? } else { 0 };
                Event::Tags(Tags { stream, bytes, count, ahead, ahead_of, refused })
            }
            codes::UNPUBLISH => {
                let (who, why) = (input.word()?, input.word()?);
                let why = codes::end(who, why).ok_or(Fault::Code(who))?;
                Event::Unpublish(Unpublish { stream, why, ledger: input.ledger()? })
            }
            codes::FAILED => {
                let numbers = [input.word()?, input.word()?, input.word()?];
                input.word()?;
                let (error, text) = (codes::error(numbers), input.text()?);
                return Ok(Self { received, stray, outcome: Outcome::Failed { error, text } });
            }
            kind => return Err(Fault::Kind(kind)),
        };
        Ok(Self { received, stray, outcome: Outcome::Event(event) })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record { at } => write!(f, "event record at {at:#x} is outside the memory"),
            Self::Range { at, len } => {
                write!(f, "{len} bytes at {at:#x} are outside the memory")
            }
            Self::Kind(kind) => write!(f, "event of unknown kind {kind}"),
            Self::Code(code) => write!(f, "number {code} means nothing here"),
        }
    }
}

impl core::error::Error for Fault {}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    use sluicebox_core::{
        Capabilities, CapsEx, Close, Connect, End, FourCcs, Ledger, Limit, Malformed, Refused,
        Reject,
    };

    use super::*;

    /// Where the tests put their record, in a memory whose first bytes are the slices'.
    const AT: u32 = 64;

    /// A memory that holds `text`, and the record behind it.
    fn memory(text: &[u8], record: &Record<'_>) -> Vec<u8> {
        let base = text.as_ptr() as usize;
        let address = |slice: &[u8]| u32::try_from(slice.as_ptr() as usize - base).expect("inside");
        let mut memory = text.to_vec();
        memory.resize(AT as usize, 0);
        let mut bytes = record.outcome.encode(address);
        stamp(&mut bytes, record.received, record.stray);
        memory.extend(bytes);
        memory
    }

    fn tally(number: u64) -> Tally {
        Tally { messages: number, bytes: number + 1 }
    }

    #[test]
    fn every_event_is_read_as_it_was_written() {
        let text = b"app tcUrl name kind more";
        let (a, b, c) = (Text(&text[..3]), Text(&text[4..9]), Text(&text[10..14]));
        let (d, e) = (Text(&text[15..19]), Text(&text[20..]));
        let stream = StreamId(7);
        let ledger = Ledger {
            received: tally(1),
            written: tally(3),
            unwrapped: 5,
            refused: Refused {
                aborted: tally(6),
                torn: tally(8),
                early: tally(10),
                foreign: tally(12),
            },
        };
        let error = |error: Error| Outcome::Failed { error: Some(error), text: e };
        let outcomes = [
            Outcome::Nothing,
            Outcome::Event(Event::Reply(a.0)),
            Outcome::Event(Event::Connect(Connect {
                app: a,
                tc_url: b,
                flash_ver: c,
                swf_url: d,
                page_url: e,
                capabilities: Capabilities {
                    list: FourCcs(a.0),
                    video: FourCcs(b.0),
                    audio: FourCcs(c.0),
                    caps_ex: CapsEx(u32::MAX),
                    video_function: 2,
                    object_encoding: 3,
                },
            })),
            Outcome::Event(Event::Publish(Publish { stream, app: a, tc_url: b, name: c, kind: d })),
            Outcome::Event(Event::Tags(Tags {
                stream,
                bytes: e.0,
                count: 3,
                ahead: 1 << 23,
                ahead_of: 1 << 17,
                refused: 1 << 40,
            })),
            Outcome::Event(Event::Unpublish(Unpublish { stream, why: End::Peer, ledger })),
            Outcome::Event(Event::Unpublish(Unpublish {
                stream,
                why: End::Closed(Close::Idle),
                ledger,
            })),
            Outcome::Event(Event::Unpublish(Unpublish {
                stream,
                why: End::Rejected(Reject::Storage),
                ledger,
            })),
            error(Malformed::Control { kind: 3, len: 1 }.into()),
            error(Limit::Message { len: 0xff_ffff }.into()),
            Outcome::Failed { error: None, text: b },
        ];
        for outcome in outcomes {
            let record = Record { received: u64::MAX, stray: tally(2), outcome };
            let memory = memory(text, &record);
            let read = Record::decode(&memory, AT).expect("a record");
            assert_eq!(format!("{read:?}"), format!("{record:?}"));
        }
    }

    #[test]
    fn nothing_outside_the_memory_is_believed() {
        let event = Event::Reply(b"abcdefgh");
        let place = |at: u32| Outcome::Event(event).encode(move |_| at);
        let mut memory = place(0).to_vec();
        let end = u32::try_from(memory.len()).expect("small");
        for (at, well) in [(0, true), (end - 8, true), (end - 7, false), (u32::MAX, false)] {
            memory.copy_from_slice(&place(at));
            let read = Record::decode(&memory, 0).map(|_| ());
            assert_eq!(read, if well { Ok(()) } else { Err(Fault::Range { at, len: 8 }) });
        }
        for at in [end - 4, end, u32::MAX] {
            assert!(Record::decode(&memory, at).is_err(), "{at}");
        }
        memory[36..40].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(Record::decode(&memory, 0), Err(Fault::Range { len: u32::MAX, .. })));
    }

    #[test]
    fn what_means_nothing_is_a_fault() {
        let mut memory = [0; LEN];
        memory[0] = 7;
        assert_eq!(Record::decode(&memory, 0).map(|_| ()), Err(Fault::Kind(7)));
        memory[0] = 5;
        memory[32] = 9;
        let fault = Record::decode(&memory, 0).map(|_| ()).expect_err("no such end");
        assert_eq!(fault, Fault::Code(9));
        assert_eq!(String::from("number 9 means nothing here"), format!("{fault}"));
    }
}
