//! Numbers that look random and are the same in every run.

/// A small generator (xorshift64*).
pub struct Random(u64);

impl Random {
    /// Starts from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`, which is over 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        (self.draw() >> 16) % bound
    }

    /// The next `len` bytes.
    pub fn bytes(&mut self, len: usize) -> impl Iterator<Item = u8> {
        std::iter::repeat_with(|| self.draw().to_le_bytes()).flatten().take(len)
    }
}
