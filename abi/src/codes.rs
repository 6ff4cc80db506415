//! Numbers for what the core says with enums. A number is never used again for anything else.

use sluicebox_core::{Close, End, Error, Limit, Malformed, Reject, Unsupported};

pub(crate) const NOTHING: u32 = 0;
pub(crate) const REPLY: u32 = 1;
pub(crate) const CONNECT: u32 = 2;
pub(crate) const PUBLISH: u32 = 3;
pub(crate) const TAGS: u32 = 4;
pub(crate) const UNPUBLISH: u32 = 5;
pub(crate) const FAILED: u32 = 6;

/// The number of a reason to refuse.
pub fn of_reject(why: Reject) -> u32 {
    match why {
        Reject::Busy => 1,
        Reject::Denied => 2,
        Reject::Refused => 3,
        // And whatever a later core adds, until it has a number here.
        _ => 4,
    }
}

/// The reason to refuse that has this number.
pub fn reject(code: u32) -> Option<Reject> {
    Some(match code {
        1 => Reject::Busy,
        2 => Reject::Denied,
        3 => Reject::Refused,
        4 => Reject::Storage,
        _ => return None,
    })
}

/// The number of a reason to close.
pub fn of_close(why: Close) -> u32 {
    match why {
        Close::Gone => 1,
        Close::Shutdown => 2,
        // And whatever a later core adds, until it has a number here.
        _ => 3,
    }
}

/// The reason to close that has this number.
pub fn close(code: u32) -> Option<Close> {
    Some(match code {
        1 => Close::Gone,
        2 => Close::Shutdown,
        3 => Close::Idle,
        _ => return None,
    })
}

/// Who ended a stream, and the number of the reason where there is one.
pub(crate) fn of_end(why: End) -> (u32, u32) {
    match why {
        End::Peer => (1, 0),
        End::Closed(why) => (2, of_close(why)),
        End::Rejected(why) => (3, of_reject(why)),
        // And whatever a later core adds, until it has a number here.
        _ => (4, 0),
    }
}

pub(crate) fn end(code: u32, detail: u32) -> Option<End> {
    Some(match code {
        1 => End::Peer,
        2 => End::Closed(close(detail)?),
        3 => End::Rejected(reject(detail)?),
        4 => End::Failed,
        _ => return None,
    })
}

/// An error that has no number: a guest newer than its host. Its text says what it is.
pub(crate) const OTHER: u32 = 0;

/// The number of an error, and its two numbers.
pub fn of_error(error: Error) -> [u32; 3] {
    match error {
        Error::Malformed(what) => match what {
            Malformed::Version(byte) => [1, byte.into(), 0],
            Malformed::NoPriorHeader { chunk_stream } => [2, chunk_stream, 0],
            Malformed::MessageType(kind) => [3, kind.into(), 0],
            Malformed::ChunkSize => [4, 0, 0],
            Malformed::Control { kind, len } => [5, kind.into(), len],
            Malformed::Command => [6, 0, 0],
            Malformed::Aggregate => [7, 0, 0],
            _ => [OTHER, 0, 0],
        },
        Error::OverLimit(what) => match what {
            Limit::Message { len } => [101, len, 0],
            Limit::Command { len } => [102, len, 0],
            Limit::Buffered => [103, 0, 0],
            Limit::ChunkStreams => [104, 0, 0],
            Limit::SmallestChunk { size } => [105, size, 0],
            Limit::Streams => [106, 0, 0],
            Limit::AmfDepth => [107, 0, 0],
            Limit::AmfValues => [108, 0, 0],
            Limit::Aggregate => [109, 0, 0],
            _ => [OTHER, 0, 0],
        },
        Error::Unsupported(what) => match what {
            Unsupported::Encryption(version) => [201, version.into(), 0],
            Unsupported::Tls => [202, 0, 0],
            _ => [OTHER, 0, 0],
        },
        _ => [OTHER, 0, 0],
    }
}

pub(crate) fn error([code, a, b]: [u32; 3]) -> Option<Error> {
    let byte = u8::try_from(a).ok();
    Some(match code {
        1 => Malformed::Version(byte?).into(),
        2 => Malformed::NoPriorHeader { chunk_stream: a }.into(),
        3 => Malformed::MessageType(byte?).into(),
        4 => Malformed::ChunkSize.into(),
        5 => Malformed::Control { kind: byte?, len: b }.into(),
        6 => Malformed::Command.into(),
        7 => Malformed::Aggregate.into(),
        101 => Limit::Message { len: a }.into(),
        102 => Limit::Command { len: a }.into(),
        103 => Limit::Buffered.into(),
        104 => Limit::ChunkStreams.into(),
        105 => Limit::SmallestChunk { size: a }.into(),
        106 => Limit::Streams.into(),
        107 => Limit::AmfDepth.into(),
        108 => Limit::AmfValues.into(),
        109 => Limit::Aggregate.into(),
        201 => Unsupported::Encryption(byte?).into(),
        202 => Unsupported::Tls.into(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_read_as_it_was_written() {
        let numbers = (1..=7).chain(101..=109).chain(201..=202);
        for code in numbers {
            let known = error([code, 9, 10]).expect("a number of the list");
            assert_eq!(error(of_error(known)), Some(known));
            assert_eq!(of_error(known)[0], code);
        }
        for code in 1..=4 {
            assert_eq!(of_reject(reject(code).expect("a reason")), code);
            let why = end(code, 1).expect("an end");
            assert_eq!(of_end(why).0, code);
            assert_eq!(end(code, of_end(why).1), Some(why));
        }
        for code in 1..=3 {
            assert_eq!(of_close(close(code).expect("a reason")), code);
        }
    }

    #[test]
    fn unknown_numbers_are_nothing() {
        for code in [0, 8, 100, 110, 203, u32::MAX] {
            assert_eq!(error([code, 0, 0]), None);
            assert_eq!((reject(code), close(code), end(code, 1)), (None, None, None));
        }
        // A type of message has eight bits.
        assert_eq!(error([3, 256, 0]), None);
        assert_eq!((end(2, 0), end(3, 9)), (None, None));
    }
}
