//! How much memory a guest may have.

use wasmtime::{ResourceLimiter, Result};

/// Entries of a guest's function table.
pub(crate) const TABLE: usize = 1024;

/// The bound, and whether it was met.
#[derive(Debug)]
pub(crate) struct Bound {
    most: usize,
    /// A request over the bound was refused. Guests cannot do without what they ask for, so a trap
    /// follows.
    pub(crate) met: bool,
}

impl Bound {
    /// At most `most` bytes.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, met: false }
    }
}

impl ResourceLimiter for Bound {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let within = desired <= self.most;
        self.met |= !within;
        Ok(within)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        Ok(desired <= TABLE)
    }

    fn instances(&self) -> usize {
        1
    }

    fn memories(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        1
    }
}
