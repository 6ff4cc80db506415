//! The metadata that a file begins with: what the encoder sent, and what is known at the end.
//!
//! ```text
//!  "onMetaData" │ array │ the encoder's properties │ duration … keyframes { filepositions times spacer }
//!                         as they were sent          made when the file is opened, filled in at the end
//! ```
//!
//! The length of the tag never changes. Numbers that are not used yet are in the `spacer`; a number that
//! is zero is nine zero bytes, so that the spacer is a hole in the file and takes no room on the disk.

use sluicebox_core::amf0::{Reader, Value};
use sluicebox_core::flv;

use super::facts::Facts;
use super::index::Index;

/// Longest properties of an encoder that are put together with ours, in bytes: other metadata stays a
/// tag of its own.
const LONGEST: usize = 64 << 10;
/// Nesting of values that is followed.
const DEPTH: u8 = 16;
/// A number of AMF0, in bytes.
const NUMBER: usize = 9;

const NAME: &[u8] = b"\x02\0\x0aonMetaData";
/// An ECMA array, before the count of its properties.
const ARRAY: u8 = 0x08;
const END: &[u8] = b"\0\0\x09";

/// Ours, in the order in which they are written; behind them are the `keyframes`.
const NUMBERS: [&str; 4] = ["duration", "filesize", "lasttimestamp", "lastkeyframetimestamp"];
const KEYFRAMES: &str = "keyframes";
const ARRAYS: [&str; 3] = ["filepositions", "times", "spacer"];
/// An encoder's, that would say something else.
const REPLACED: [&str; 2] = ["hasKeyframes", "lastkeyframelocation"];

/// The metadata of a file, and what can be changed in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Metadata {
    /// Where our properties begin, in bytes from the start of the file.
    pub(super) at: u64,
    /// Entries that the index has room for.
    pub(super) entries: usize,
}

/// The tag of new metadata, in two parts with a hole between them.
#[derive(Debug)]
pub(super) struct Blank {
    pub(super) head: Vec<u8>,
    /// Zeros, in bytes.
    pub(super) hole: usize,
    pub(super) tail: Vec<u8>,
    /// Where our properties begin, from the start of the tag.
    ours: usize,
    entries: usize,
}

/// Bytes of the hole for `entries`: a finished file takes so many at most.
pub(super) fn room(entries: usize) -> u64 {
    (entries * 2 * NUMBER) as u64
}

impl Blank {
    /// Metadata with room for an index: the encoder's, or our own. None: what the encoder sent is no
    /// `onMetaData`, or not of a form that can be added to.
    pub(super) fn new(sent: Option<&[u8]>, entries: usize) -> Option<Self> {
        // Ours are five.
        let (mut theirs, mut count) = (Vec::new(), 5u32);
        if let Some(body) = sent {
            for property in Properties::of(body)?.collect::<Option<Vec<_>>>()? {
                if !is_ours(property.name) {
                    theirs.extend_from_slice(property.bytes);
                    count += 1;
                }
            }
        }
        if theirs.len() > LONGEST {
            return None;
        }
        let mut head = vec![0; flv::TAG_HEADER];
        head.extend_from_slice(NAME);
        head.push(ARRAY);
        head.extend_from_slice(&count.to_be_bytes());
        head.extend_from_slice(&theirs);
        let ours = head.len();
        let spacer = entries * 2;
        head.extend(properties(&Facts::default(), 0, &[], spacer));
        let hole = spacer * NUMBER;
        let tail = [END, END].concat();
        let len = u32::try_from(head.len() - flv::TAG_HEADER + hole + tail.len()).ok()?;
        let [0, l2, l1, l0] = len.to_be_bytes() else { return None };
        head[..4].copy_from_slice(&[flv::SCRIPT, l2, l1, l0]);
        let tail = [&tail[..], &(len + 11).to_be_bytes()].concat();
        Some(Self { head, hole, tail, ours, entries })
    }

    /// What it is in a file where it begins at `position`.
    pub(super) fn placed(&self, position: u64) -> Metadata {
        Metadata { at: position + self.ours as u64, entries: self.entries }
    }
}

impl Metadata {
    /// Finds it in the first tag of a file, with this body, which begins at `position`. None: it is not
    /// ours.
    pub(super) fn find(body: &[u8], position: u64) -> Option<Self> {
        let properties = Properties::of(body)?.collect::<Option<Vec<_>>>()?;
        let first = properties.len().checked_sub(NUMBERS.len() + 1)?;
        let (ours, names) = (&properties[first..], NUMBERS.iter().chain([&KEYFRAMES]));
        if !ours.iter().zip(names).all(|(property, name)| property.name == name.as_bytes()) {
            return None;
        }
        let lens: usize = ours.iter().map(|property| property.bytes.len()).sum();
        let numbers = lens.checked_sub(self::properties(&Facts::default(), 0, &[], 0).len() + 3)?;
        let end = body.len().checked_sub(END.len() + lens)?;
        let at = position + (flv::TAG_HEADER + end) as u64;
        (numbers % (2 * NUMBER) == 0).then_some(Self { at, entries: numbers / (2 * NUMBER) })
    }

    /// Whether nothing of an encoder's is in it, when its tag begins at `position`.
    pub(super) fn is_alone(&self, position: u64) -> bool {
        // The name, the kind of array and its count.
        self.at == position + (flv::TAG_HEADER + NAME.len() + 5) as u64
    }

    /// The length of the file that a metadata tag with this body says, if it is ours.
    pub(super) fn says(body: &[u8]) -> Option<u64> {
        Self::find(body, 0)?;
        let mut reader = Reader::with_limits(body, DEPTH, u32::MAX);
        reader.next().ok()?;
        let Ok(Some(Value::Object(object))) = reader.next() else { return None };
        let len = object.number(NUMBERS[1])?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is compared"
        )]
        Some(len as u64)
    }

    /// The start of what stands at [`at`](Self::at) in a finished file of `len` bytes, up to the last number
    /// of the index: to be written over a [`blank`](Self::blank).
    pub(super) fn finished(&self, facts: &Facts, index: &Index, len: u64) -> Vec<u8> {
        let entries = index.entries();
        let entries = &entries[..entries.len().min(self.entries)];
        let mut numbers = Vec::with_capacity(entries.len() * 2);
        #[expect(clippy::cast_precision_loss, reason = "files are shorter than 2^53 bytes")]
        numbers.extend(entries.iter().map(|entry| entry.position as f64));
        numbers.extend(entries.iter().map(|entry| seconds(entry.time)));
        properties(facts, len, &numbers, self.entries * 2 - numbers.len())
    }
}

impl Metadata {
    /// What stands at [`at`](Self::at) while the file is open.
    pub(super) fn blank(&self) -> Vec<u8> {
        let mut out = self.short(&Facts::default(), 0);
        out.resize(out.len() + self.entries * 2 * NUMBER, 0);
        out.extend_from_slice(END);
        out
    }

    /// The start of what stands at [`at`](Self::at) in a finished file without an index: to be written over
    /// a [`blank`](Self::blank).
    pub(super) fn short(&self, facts: &Facts, len: u64) -> Vec<u8> {
        properties(facts, len, &[], self.entries * 2)
    }
}

/// Our properties, up to the numbers in the spacer. The first half of `index` are positions, the second
/// half times.
#[expect(clippy::cast_precision_loss, reason = "files are shorter than 2^53 bytes, and years long")]
fn properties(facts: &Facts, len: u64, index: &[f64], spacer: usize) -> Vec<u8> {
    let values = [
        facts.duration() as f64 / 1000.0,
        len as f64,
        seconds(facts.last()),
        seconds(facts.last_key()),
    ];
    let mut out = Vec::new();
    for (name, value) in NUMBERS.iter().zip(values) {
        put_name(&mut out, name);
        put_number(&mut out, value);
    }
    put_name(&mut out, KEYFRAMES);
    out.push(0x03);
    let (positions, times) = index.split_at(index.len() / 2);
    for (name, numbers) in ARRAYS.iter().zip([positions, times, &[]]) {
        put_name(&mut out, name);
        let count = if *name == ARRAYS[2] { spacer } else { numbers.len() };
        out.push(0x0a);
        // At most twice the entries, which a flag bounds.
        out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
        numbers.iter().for_each(|number| put_number(&mut out, *number));
    }
    out
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a recording")]
fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}

fn put_name(out: &mut Vec<u8>, name: &str) {
    // Ours are short.
    out.extend_from_slice(&u16::try_from(name.len()).unwrap_or(0).to_be_bytes());
    out.extend_from_slice(name.as_bytes());
}

fn put_number(out: &mut Vec<u8>, value: f64) {
    out.push(0x00);
    out.extend_from_slice(&value.to_be_bytes());
}

fn is_ours(name: &[u8]) -> bool {
    let is = |ours: &&str| name.eq_ignore_ascii_case(ours.as_bytes());
    NUMBERS.iter().chain(&REPLACED).chain([&KEYFRAMES]).any(is)
}

/// A property as it lies in metadata: name and value.
struct Property<'a> {
    name: &'a [u8],
    /// All of it, with the length of the name before.
    bytes: &'a [u8],
}

/// The properties of an `onMetaData`. An item is None, the last: what is there is no property.
struct Properties<'a> {
    rest: &'a [u8],
}

impl<'a> Properties<'a> {
    fn of(body: &'a [u8]) -> Option<Self> {
        let rest = match body.strip_prefix(NAME)? {
            [0x03, rest @ ..] => rest,
            [ARRAY, _, _, _, _, rest @ ..] => rest,
            _ => return None,
        };
        Some(Self { rest })
    }

    fn property(&mut self) -> Option<Property<'a>> {
        let start = self.rest;
        let (len, rest) = start.split_first_chunk()?;
        let (name, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        // There are not more values than bytes.
        let mut reader = Reader::with_limits(rest, DEPTH, u32::MAX);
        // A marker of an end is no value, though the reader passes over it.
        (rest.first() != Some(&0x09)).then_some(())?;
        let value = reader.next().ok()??;
        self.rest = reader.rest();
        let bytes = &start[..start.len() - self.rest.len()];
        // An object that is cut off takes everything with it.
        let cut =
            matches!(value, Value::Object(_)) && self.rest.is_empty() && !start.ends_with(END);
        (!cut).then_some(Property { name, bytes })
    }
}

impl<'a> Iterator for Properties<'a> {
    type Item = Option<Property<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest == END || self.rest.is_empty() {
            return None;
        }
        let property = self.property();
        if property.is_none() {
            self.rest = &[];
        }
        Some(property)
    }
}

#[cfg(test)]
mod tests {
    use sluicebox_core::amf0::Value;

    use super::super::look::Look;
    use super::*;

    /// As OBS sends it.
    const SENT: &[u8] = b"\x02\0\x0aonMetaData\x08\0\0\0\x14\0\x08duration\0\0\0\0\0\0\0\0\0\
        \0\x08fileSize\0\0\0\0\0\0\0\0\0\0\x05width\0\x40\x94\0\0\0\0\0\0\
        \0\x07encoder\x02\0\x03obs\0\0\x09";

    fn body(blank: &Blank) -> Vec<u8> {
        let tag = [&blank.head[..], &vec![0; blank.hole], &blank.tail].concat();
        let mut tags = flv::tags(&tag);
        let body = tags.next().expect("a whole tag").body.to_vec();
        assert!(tags.rest().is_empty());
        body
    }

    fn number(body: &[u8], name: &str) -> Option<f64> {
        let mut reader = Reader::with_limits(body, 8, 100_000);
        assert_eq!(reader.string(), Ok(Some(&b"onMetaData"[..])));
        let Ok(Some(Value::Object(object))) = reader.next() else { panic!() };
        assert!(reader.rest().is_empty());
        object.number(name)
    }

    #[test]
    fn what_the_encoder_sent_stays_and_ours_is_filled_in() {
        let blank = Blank::new(Some(SENT), 100).unwrap();
        let mut tag = body(&blank);
        let theirs = &SENT[56..SENT.len() - 3];
        assert!(tag.windows(theirs.len()).any(|bytes| bytes == theirs));
        let metadata = blank.placed(13);
        assert_eq!(Metadata::find(&tag, 13), Some(metadata));
        let mut index = Index::new(100);
        (0..10).for_each(|at| index.note(Look::Frame { video: true, key: true }, at * 2000, 7));
        let mut facts = Facts::default();
        for timestamp in [40, 5040] {
            let frame = flv::Tag { kind: flv::VIDEO, timestamp, body: &[0x17, 1] };
            facts.note(&frame, Look::at(&frame), timestamp);
        }
        let ours = metadata.finished(&facts, &index, 9999);
        let at = usize::try_from(metadata.at).unwrap() - 13 - flv::TAG_HEADER;
        tag[at..at + ours.len()].copy_from_slice(&ours);
        assert!(tag[at + ours.len()..].starts_with(&[0; 180 * NUMBER]));
        assert_eq!(number(&tag, "duration"), Some(5.0));
        assert_eq!(number(&tag, "filesize"), Some(9999.0));
        assert_eq!(number(&tag, "width"), Some(1280.0));
        assert_eq!(number(&tag, "lastkeyframetimestamp"), Some(5.04));
        assert_eq!(Metadata::find(&tag, 13), Some(metadata), "it is found again");
        assert_eq!(Blank::new(Some(&tag), 100).unwrap().head, blank.head, "and made again");
    }

    #[test]
    fn without_any_there_is_our_own() {
        let blank = Blank::new(None, 3).unwrap();
        assert_eq!(number(&body(&blank), "filesize"), Some(0.0));
        assert_eq!((blank.hole, Metadata::find(&body(&blank), 0)), (54, Some(blank.placed(0))));
    }

    #[test]
    fn what_is_cut_off_or_of_another_form_is_left_alone() {
        for len in 0..SENT.len() - 3 {
            // Cut between two properties, nothing but the end is missing.
            let between = [18, 37, 56, 72, 87].contains(&len);
            assert_eq!(Blank::new(Some(&SENT[..len]), 3).is_some(), between, "{len}");
        }
        assert!(Blank::new(Some(&[SENT, b"\x05"].concat()), 3).is_none());
        assert!(Blank::new(Some(b"\x02\0\x0aonMetaData\x05"), 3).is_none());
        assert!(Blank::new(Some(b"\x02\0\x07onOther\x03\0\0\x09"), 3).is_none());
        let long = [&b"\x02\0\x0aonMetaData\x03\0\x01x\x0c\0\x01\0\0"[..], &[b'x'; 65_536], END];
        assert!(Blank::new(Some(&long.concat()), 3).is_none());
    }
}
