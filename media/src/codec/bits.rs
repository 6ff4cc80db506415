//! Bits of a header, the highest of each byte first.

/// Reads bits from bytes. Beyond their end there is nothing: every read that gets there gives `None`.
pub(super) struct Bits<'a> {
    rest: &'a [u8],
    /// Bytes that keep start codes from appearing in a NAL unit are left out (H.264, 7.4.1).
    escaped: bool,
    /// Zeros just passed.
    zeros: u32,
    byte: u8,
    /// Bits of `byte` that are left.
    left: u32,
}

impl<'a> Bits<'a> {
    /// Of plain bytes.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, escaped: false, zeros: 0, byte: 0, left: 0 }
    }

    /// Of the bytes of a NAL unit behind its header: a 3 behind two zeros does not count.
    pub(super) fn of_nal(bytes: &'a [u8]) -> Self {
        Self { escaped: true, ..Self::new(bytes) }
    }

    /// One bit.
    pub(super) fn flag(&mut self) -> Option<bool> {
        if self.left == 0 {
            let mut byte = *self.rest.split_off_first()?;
            if self.escaped && self.zeros >= 2 && byte == 3 {
                self.zeros = 0;
                byte = *self.rest.split_off_first()?;
            }
            self.zeros = if byte == 0 { self.zeros + 1 } else { 0 };
            (self.byte, self.left) = (byte, 8);
        }
        self.left -= 1;
        Some(self.byte >> self.left & 1 == 1)
    }

    /// A number of `count` bits, at most 32.
    pub(super) fn number(&mut self, count: u32) -> Option<u32> {
        let mut number = 0;
        for _ in 0..count {
            number = number << 1 | u32::from(self.flag()?);
        }
        Some(number)
    }

    /// A number of `count` bits, at most 8.
    pub(super) fn small(&mut self, count: u32) -> Option<u8> {
        self.number(count).and_then(|number| u8::try_from(number).ok())
    }

    /// Passes `count` bits.
    pub(super) fn skip(&mut self, count: u32) -> Option<()> {
        (0..count).try_for_each(|_| self.flag().map(|_| ()))
    }

    /// The bytes that have not begun.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Passes what is left of a byte that has begun.
    pub(super) fn align(&mut self) {
        self.left = 0;
    }

    /// An unsigned Exp-Golomb number (H.264, 9.1), below 2^32 - 1.
    pub(super) fn golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros == 32 {
                return None;
            }
        }
        let rest = self.number(zeros)?;
        Some((1 << zeros) - 1 + rest)
    }

    /// One that is not more than `most`.
    pub(super) fn golomb_to(&mut self, most: u32) -> Option<u32> {
        self.golomb().filter(|number| *number <= most)
    }

    /// A signed Exp-Golomb number (H.264, 9.1.1), of which only the lowest 8 bits are wanted.
    pub(super) fn golomb_mod_256(&mut self) -> Option<u8> {
        let number = self.golomb()?;
        let [.., half] = number.div_ceil(2).to_be_bytes();
        Some(if number % 2 == 1 { half } else { half.wrapping_neg() })
    }

    /// Passes `count` Exp-Golomb numbers, signed or not.
    pub(super) fn skip_golombs(&mut self, count: u32) -> Option<()> {
        (0..count).try_for_each(|_| self.golomb().map(|_| ()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_0010, 0xff]);
        assert_eq!(bits.number(1), Some(1));
        assert_eq!([bits.golomb(), bits.golomb()], [Some(1), Some(2)]);
        assert_eq!(bits.golomb_mod_256(), Some(2));
        assert_eq!(bits.skip(2), Some(()));
        assert_eq!(bits.number(11), None);
        // 4 is -2: 00101.
        assert_eq!(Bits::new(&[0b0010_1000]).golomb_mod_256(), Some(254));
        assert_eq!(Bits::new(&[0; 9]).golomb(), None);
        assert_eq!(Bits::new(&[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]).golomb(), Some(u32::MAX - 1));
    }

    #[test]
    fn escapes() {
        let mut bits = Bits::of_nal(&[0, 0, 3, 0, 0, 3, 3, 0, 3]);
        assert_eq!(bits.number(32), Some(0));
        assert_eq!(bits.number(24), Some(0x03_00_03));
        assert_eq!(bits.flag(), None);
    }
}
