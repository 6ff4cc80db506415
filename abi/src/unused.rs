//! The list of free memory that `trim` leaves: a number, then an address and a length for each.

use core::ops::Range;

use crate::record::Fault;

/// Entries that a host reads; what is behind them does not count.
const MOST: u32 = 255;

/// The entry with number `index` of the list at `at`, as places in `memory`; `None`: there are no
/// more.
///
/// # Errors
///
/// When the list or the entry is not inside the memory.
pub fn unused(memory: &[u8], at: u32, index: u32) -> Result<Option<Range<usize>>, Fault> {
    let word = |offset: u32| {
        let start = at.checked_add(offset)? as usize;
        memory.get(start..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
    };
    let outside = Fault::Record { at };
    if index >= word(0).ok_or(outside)?.min(MOST) {
        return Ok(None);
    }
    let (start, len) = (word(4 + 8 * index).ok_or(outside)?, word(8 + 8 * index).ok_or(outside)?);
    let end = (start as usize).checked_add(len as usize).filter(|end| *end <= memory.len());
    end.map(|end| Some(start as usize..end)).ok_or(Fault::Range { at: start, len })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(words: &[u32]) -> [u8; 64] {
        let mut memory = [0; 64];
        for (place, word) in memory.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        memory
    }

    #[test]
    fn a_list_is_read_to_its_end() {
        let memory = memory(&[9, 2, 16, 8, 64, 0, 7]);
        assert_eq!(unused(&memory, 4, 0), Ok(Some(16..24)));
        assert_eq!(unused(&memory, 4, 1), Ok(Some(64..64)));
        assert_eq!(unused(&memory, 4, 2), Ok(None));
    }

    #[test]
    fn nothing_outside_the_memory_is_believed() {
        let memory = memory(&[u32::MAX, 60, 5, u32::MAX, u32::MAX]);
        assert_eq!(unused(&memory, 0, 0), Err(Fault::Range { at: 60, len: 5 }));
        assert_eq!(unused(&memory, 0, 1), Err(Fault::Range { at: u32::MAX, len: u32::MAX }));
        assert_eq!(unused(&memory, 0, 7), Err(Fault::Record { at: 0 }));
        assert_eq!(unused(&memory, 0, MOST), Ok(None));
        for at in [61, 64, u32::MAX] {
            assert_eq!(unused(&memory, at, 0), Err(Fault::Record { at }));
        }
    }
}
