//! Writes the few values that replies need.

use alloc::vec::Vec;

/// Appends values to a message body.
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    pub(crate) fn number(&mut self, value: f64) -> &mut Self {
        self.out.push(0x00);
        self.out.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub(crate) fn string(&mut self, value: &str) -> &mut Self {
        self.out.push(0x02);
        self.utf8(value)
    }

    pub(crate) fn null(&mut self) -> &mut Self {
        self.out.push(0x05);
        self
    }

    pub(crate) fn undefined(&mut self) -> &mut Self {
        self.out.push(0x06);
        self
    }

    /// Begins an object; [`Writer::end`] ends it.
    pub(crate) fn object(&mut self) -> &mut Self {
        self.out.push(0x03);
        self
    }

    /// Names the value that follows.
    pub(crate) fn property(&mut self, name: &str) -> &mut Self {
        self.utf8(name)
    }

    pub(crate) fn end(&mut self) -> &mut Self {
        self.out.extend_from_slice(&[0, 0, 0x09]);
        self
    }

    /// A string with a 16-bit length. What is longer is cut: only our own short texts come here.
    fn utf8(&mut self, value: &str) -> &mut Self {
        let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
        self.out.extend_from_slice(&len.to_be_bytes());
        self.out.extend_from_slice(&value.as_bytes()[..usize::from(len)]);
        self
    }
}
