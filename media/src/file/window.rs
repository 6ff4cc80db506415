//! A part of a file that moves forward over it.

use alloc::vec::Vec;
use std::io::{self, Read};

/// Bytes asked for at a time.
const BLOCK: usize = 256 << 10;

/// What has been read of a file and not been passed yet.
#[derive(Debug)]
pub(super) struct Window<R> {
    input: R,
    /// The window is `buffer[start..end]`; what is behind it is room.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Where in the file the window begins.
    offset: u64,
}

impl<R: Read> Window<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, buffer: Vec::new(), start: 0, end: 0, offset: 0 }
    }

    /// Where in the file the window begins, in bytes.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// What is in it now.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Moves the window's start forward by `len` bytes, of those that are in it.
    pub(super) fn pass(&mut self, len: usize) {
        let len = len.min(self.end - self.start);
        self.start += len;
        self.offset += len as u64;
    }

    /// Reads until the window has `len` bytes or the file ends, and gives what is there of them.
    ///
    /// The buffer grows with what arrives: a length that a file only claims costs nothing.
    ///
    /// # Errors
    ///
    /// Those of the input. What was read before is kept.
    pub(super) fn fill(&mut self, len: usize) -> io::Result<&[u8]> {
        while self.end - self.start < len {
            if self.buffer.len() - self.end < BLOCK {
                self.make_room();
            }
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let len = len.min(self.end - self.start);
        Ok(&self.buffer[self.start..self.start + len])
    }

    /// Moves the window to the front when at least as much has been passed as is left, so that a byte
    /// is moved once or twice at most; otherwise makes the buffer larger.
    fn make_room(&mut self) {
        if self.start >= self.buffer.len().div_ceil(2) {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.buffer.len() - self.end < BLOCK {
            let more = BLOCK.max(self.buffer.len() / 2);
            self.buffer.resize(self.buffer.len() + more, 0);
        }
    }
}
