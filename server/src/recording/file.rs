//! A file that is being written.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A file, FIFO or pipe that takes whole tags.
#[derive(Debug)]
pub(super) struct OutputFile {
    file: File,
    path: PathBuf,
    /// Bytes that are in it.
    len: u64,
}

/// A write that failed, and the bytes that went in before it did.
#[derive(Debug)]
pub(super) struct Torn {
    pub(super) gone: usize,
    pub(super) error: io::Error,
}

impl OutputFile {
    /// Takes an empty file.
    pub(super) fn new(file: File, path: PathBuf) -> Self {
        Self { file, path, len: 0 }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that are in it.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    ///
    /// When not all of them could be written. What went in stays: see [`cut_back`](Self::cut_back).
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Torn> {
        let mut gone = 0;
        let result = loop {
            match self.file.write(&bytes[gone..]) {
                _ if gone == bytes.len() => break Ok(()),
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => gone += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        self.len += gone as u64;
        result.map_err(|error| Torn { gone, error })
    }

    /// Takes the last `len` bytes back. What has gone into a pipe cannot be.
    pub(super) fn cut_back(&mut self, len: usize) {
        self.len -= len as u64;
        if self.file.metadata().is_ok_and(|meta| meta.is_file())
            && let Err(error) = self.file.set_len(self.len)
        {
            tracing::warn!(path = %self.path.display(), %error, "cannot cut off a torn tag");
        }
    }
}
