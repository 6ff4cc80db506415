//! What has come of a large message, ahead of its tag: the record that `part` leaves.
//!
//! ```text
//!   0  stream 4 │ at 4 │ len 4 │ bytes
//! ```

use sluicebox_core::{Part, StreamId};

use crate::fields::{Reader, Writer};
use crate::record::{Fault, LEN};

/// The record of a part. `address` tells where in the guest's memory a slice lies.
pub fn encode_part(part: &Part<'_>, address: impl Fn(&[u8]) -> u32) -> [u8; LEN] {
    let mut out = Writer { bytes: [0; LEN], at: 0, address };
    [part.stream.0, part.at, part.len].into_iter().for_each(|word| out.word(word));
    out.slice(part.bytes);
    out.bytes
}

/// The part whose record is at address `at` of a guest's memory.
///
/// # Errors
///
/// When any of it is not in the memory.
pub fn part(memory: &[u8], at: u32) -> Result<Part<'_>, Fault> {
    let record = memory.get(at as usize..).ok_or(Fault::Record { at })?;
    let mut input = Reader { memory, record, at };
    let (stream, at, len) = (StreamId(input.word()?), input.word()?, input.word()?);
    Ok(Part { stream, at, len, bytes: input.slice()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_read_as_it_was_written() {
        let text = b"some bytes of a body";
        let part = Part { stream: StreamId(7), at: 70_000, len: 0xff_ffff, bytes: &text[5..10] };
        let base = text.as_ptr() as usize;
        let address = |slice: &[u8]| u32::try_from(slice.as_ptr() as usize - base).expect("inside");
        let memory = [&text[..], &encode_part(&part, address)].concat();
        assert_eq!(super::part(&memory, 20), Ok(part));
    }

    #[test]
    fn nothing_outside_the_memory_is_believed() {
        let part = Part { stream: StreamId(1), at: 0, len: 9, bytes: b"12345" };
        let memory = encode_part(&part, |_| 18);
        assert!(super::part(&memory[..23], 0).is_ok());
        assert_eq!(super::part(&memory[..22], 0), Err(Fault::Range { at: 18, len: 5 }));
        assert_eq!(super::part(&memory[..19], 0), Err(Fault::Record { at: 0 }));
        assert_eq!(super::part(&memory, u32::MAX), Err(Fault::Record { at: u32::MAX }));
    }
}
