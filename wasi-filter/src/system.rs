//! WASI preview 1 as the edge programs' system.

use alloc::format;
use alloc::string::{String, ToString as _};
use core::time::Duration;

use sluicebox_edge::{Fault, File, Found, System};
use wasip1::{Errno, Fd};

use crate::wasi;

/// Clocks, log, and a record folder.
pub(crate) struct Preview1 {
    folder: Fd,
    /// The record folder below that; ends in `/`, or is empty.
    below: String,
}

impl Preview1 {
    /// Finds the record folder: the first that the runtime gives, or by its name.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) fn new(record_dir: Option<&str>) -> Result<Self, String> {
        let folders = wasi::folders();
        let names = folders.iter().map(|(_, name)| &**name);
        let (at, below) = sluicebox_edge::find_folder(names, record_dir)?;
        let folder = folders[at].0;
        for (end, _) in below.match_indices('/') {
            wasi::make_folder(folder, &below[..end])
                .map_err(|errno| format!("cannot make the folder {below}: {}", errno.message()))?;
        }
        Ok(Self { folder, below })
    }
}

/// A file that is open for writing.
pub(crate) struct Open(Fd);

fn fault(errno: Errno) -> Fault {
    if errno == wasip1::ERRNO_EXIST {
        Fault::Exists
    } else {
        Fault::Other(errno.message().trim_end_matches('.').to_string())
    }
}

impl System for Preview1 {
    type File = Open;

    fn now(&self) -> Duration {
        wasi::time(wasip1::CLOCKID_MONOTONIC)
    }

    fn date(&self) -> Duration {
        wasi::time(wasip1::CLOCKID_REALTIME)
    }

    fn random(&mut self) -> u64 {
        wasi::random()
    }

    fn log(&mut self, line: &str) {
        wasi::say(line);
    }

    fn make_folder(&mut self, path: &str) -> Result<(), Fault> {
        wasi::make_folder(self.folder, &(self.below.clone() + path)).map_err(fault)
    }

    fn find(&mut self, path: &str) -> Result<Found, Fault> {
        match wasi::kind(self.folder, &(self.below.clone() + path)) {
            Ok(wasip1::FILETYPE_DIRECTORY) => Ok(Found::Folder),
            Ok(_) => Ok(Found::Other),
            Err(wasip1::ERRNO_NOENT) => Ok(Found::Nothing),
            Err(wasip1::ERRNO_PERM | wasip1::ERRNO_NOTCAPABLE) => Err(Fault::Outside),
            Err(errno) => Err(fault(errno)),
        }
    }

    fn create(&mut self, path: &str) -> Result<Open, Fault> {
        wasi::create(self.folder, &(self.below.clone() + path)).map(Open).map_err(fault)
    }

    fn remove(&mut self, path: &str) -> Result<(), Fault> {
        wasi::remove(self.folder, &(self.below.clone() + path)).map_err(fault)
    }
}

impl File for Open {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        wasi::write(self.0, bytes).map_err(fault)
    }

    fn cut(&mut self, len: u64) -> Result<(), Fault> {
        wasi::cut(self.0, len).map_err(fault)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        wasi::close(self.0);
    }
}
