//! What is remembered of a header that a read cuts.

/// The longest header: three basic, eleven message, four extended timestamp.
const STASH: usize = 18;

/// Up to a header's worth of bytes.
#[derive(Default)]
pub(super) struct Stash {
    bytes: [u8; STASH],
    start: usize,
    end: usize,
}

impl Stash {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Adds a byte. A header is whole with the last one that fits.
    pub(super) fn push(&mut self, byte: u8) {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        self.bytes[self.end] = byte;
        self.end += 1;
    }

    pub(super) fn skip(&mut self, len: usize) {
        self.start += len;
    }

    /// Takes out up to four bytes: more than that is never held behind a header.
    pub(super) fn take(&mut self, len: usize) -> ([u8; 4], usize) {
        let len = len.min(4);
        let mut bytes = [0; 4];
        bytes[..len].copy_from_slice(&self.bytes()[..len]);
        self.skip(len);
        (bytes, len)
    }
}
