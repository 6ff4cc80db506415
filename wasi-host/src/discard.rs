//! Gives memory that holds nothing back to the system.

#![allow(unsafe_code, reason = "the one call that no safe interface has")]

use std::ops::Range;

/// Makes the whole pages in `range` of a guest's memory read as zeros, without memory behind them.
#[cfg(target_os = "linux")]
pub(crate) fn discard(memory: &mut [u8], range: Range<usize>) {
    use rustix::mm::{Advice, madvise};

    let page = rustix::param::page_size();
    let memory = &mut memory[range];
    let start = memory.as_ptr().align_offset(page);
    let Some(memory) = memory.get_mut(start..) else { return };
    let len = memory.len() - memory.len() % page;
    if len > 0 {
        // SAFETY: whole pages of memory that is borrowed here alone, and any content is valid for
        // bytes. It is private and not a file's (`memory_init_cow` is off), so it reads as zeros.
        // When it fails, the pages stay as they are.
        let _ = unsafe { madvise(memory.as_mut_ptr().cast(), len, Advice::LinuxDontNeed) };
    }
}

/// Elsewhere there is no call that promises zeros.
#[cfg(not(target_os = "linux"))]
pub(crate) fn discard(_: &mut [u8], _: Range<usize>) {}
