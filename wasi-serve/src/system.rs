//! WASI 0.2 as the edge programs' system.

use alloc::format;
use alloc::string::{String, ToString as _};
use core::time::Duration;

use sluicebox_edge::{Fault, File, Found, System};
use wasi::cli::stderr::get_stderr;
use wasi::clocks::{monotonic_clock, wall_clock};
use wasi::filesystem::preopens::get_directories;
use wasi::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorType, ErrorCode, OpenFlags, PathFlags,
};
use wasi::random::random::get_random_u64;

/// What one write to standard error may have, in bytes.
const SAY: usize = 4096;

/// Writes a text to standard error, as far as it can be written.
pub(crate) fn say(text: &str) {
    let stderr = get_stderr();
    for part in text.as_bytes().chunks(SAY) {
        if stderr.blocking_write_and_flush(part).is_err() {
            return;
        }
    }
}

/// Clocks, log, and a record folder.
pub(crate) struct Preview2 {
    folder: Descriptor,
    /// The record folder below that; ends in `/`, or is empty.
    below: String,
    /// What the runtime calls that folder, for the log.
    pub(crate) name: String,
}

impl Preview2 {
    /// Finds the record folder: the first that the runtime gives, or by its name.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) fn new(record_dir: Option<&str>) -> Result<Self, String> {
        let mut folders = get_directories();
        let names = folders.iter().map(|(_, name)| &**name);
        let (at, below) = sluicebox_edge::find_folder(names, record_dir)?;
        let (folder, name) = folders.swap_remove(at);
        for (end, _) in below.match_indices('/') {
            make_folder(&folder, &below[..end])
                .map_err(|why| format!("cannot make the folder {below}: {}", why.message()))?;
        }
        Ok(Self { folder, below, name: record_dir.map_or(name, Into::into) })
    }
}

/// A file that is open for writing.
pub(crate) struct Open {
    file: Descriptor,
    /// Where its end is.
    end: u64,
}

fn make_folder(at: &Descriptor, path: &str) -> Result<(), ErrorCode> {
    match at.create_directory_at(path) {
        Err(ErrorCode::Exist) => Ok(()),
        other => other,
    }
}

fn fault(code: ErrorCode) -> Fault {
    match code {
        ErrorCode::Exist => Fault::Exists,
        other => Fault::Other(other.message().trim_end_matches('.').to_string()),
    }
}

impl System for Preview2 {
    type File = Open;

    fn now(&self) -> Duration {
        Duration::from_nanos(monotonic_clock::now())
    }

    fn date(&self) -> Duration {
        let date = wall_clock::now();
        Duration::new(date.seconds, date.nanoseconds)
    }

    fn random(&mut self) -> u64 {
        get_random_u64()
    }

    fn log(&mut self, line: &str) {
        say(line);
    }

    fn make_folder(&mut self, path: &str) -> Result<(), Fault> {
        make_folder(&self.folder, &(self.below.clone() + path)).map_err(fault)
    }

    fn find(&mut self, path: &str) -> Result<Found, Fault> {
        match self.folder.stat_at(PathFlags::empty(), &(self.below.clone() + path)) {
            Ok(stat) if stat.type_ == DescriptorType::Directory => Ok(Found::Folder),
            Ok(_) => Ok(Found::Other),
            Err(ErrorCode::NoEntry) => Ok(Found::Nothing),
            Err(ErrorCode::NotPermitted) => Err(Fault::Outside),
            Err(code) => Err(fault(code)),
        }
    }

    fn create(&mut self, path: &str) -> Result<Open, Fault> {
        let path = self.below.clone() + path;
        // No symbolic link is followed at its end.
        let new = OpenFlags::CREATE | OpenFlags::EXCLUSIVE;
        let file = self.folder.open_at(PathFlags::empty(), &path, new, DescriptorFlags::WRITE);
        file.map(|file| Open { file, end: 0 }).map_err(fault)
    }

    fn remove(&mut self, path: &str) -> Result<(), Fault> {
        self.folder.unlink_file_at(&(self.below.clone() + path)).map_err(fault)
    }
}

impl File for Open {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        let len = self.file.write(bytes, self.end).map_err(fault)?;
        self.end += len;
        Ok(usize::try_from(len).unwrap_or(usize::MAX).min(bytes.len()))
    }

    fn cut(&mut self, len: u64) -> Result<(), Fault> {
        self.end = len;
        self.file.set_size(len).map_err(fault)
    }
}
