//! Script tags (annex E.4.4).

use crate::amf0::{Reader, Value};

/// A script tag: `onMetaData` and its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Script<'a> {
    /// Its name: bytes that should be UTF-8. In files of other servers `@setDataFrame` may stand
    /// before `onMetaData`.
    pub name: &'a [u8],
    /// The values behind the name, for an [`amf0::Reader`](Reader).
    pub values: &'a [u8],
}

impl<'a> Script<'a> {
    pub(super) fn new(body: &'a [u8]) -> Option<Self> {
        // A name and no more: what comes first in real tags, and bounded whatever comes.
        let mut reader = Reader::with_limits(body, 0, 1);
        match reader.next() {
            Ok(Some(Value::String(name))) => Some(Self { name, values: reader.rest() }),
            _ => None,
        }
    }
}
