//! What a program has to bring: time, files and a place for log lines.

use alloc::format;
use alloc::string::{String, ToString as _};
use core::fmt;
use core::time::Duration;

use sluicebox_rules::clock::Moment;

/// The runtime that a program runs in.
pub trait System {
    /// A file to write to.
    type File: File;

    /// Time since any fixed start; never goes back.
    fn now(&self) -> Moment;

    /// Time since 1970, UTC.
    fn date(&self) -> Duration;

    /// A number that nobody can guess.
    fn random(&mut self) -> u64;

    /// Writes a line, its end included, to standard error. There is nobody to tell when that fails.
    fn log(&mut self, line: &str);

    /// Makes a folder, by its path from the record folder. One that is there already is no fault.
    ///
    /// # Errors
    ///
    /// When there is none afterwards.
    fn make_folder(&mut self, path: &str) -> Result<(), Fault>;

    /// What there is already at a path from the record folder.
    ///
    /// # Errors
    ///
    /// When it cannot be said, as for a path that leads out of the folder.
    fn find(&mut self, path: &str) -> Result<Found, Fault>;

    /// Makes a file that was not there before, by its path from the record folder.
    ///
    /// # Errors
    ///
    /// [`Fault::Exists`] when there is one already.
    fn create(&mut self, path: &str) -> Result<Self::File, Fault>;

    /// Removes a file, by its path from the record folder. It is closed already.
    ///
    /// # Errors
    ///
    /// When it is still there.
    fn remove(&mut self, path: &str) -> Result<(), Fault>;
}

/// What there is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A folder.
    Folder,
    /// A file, or whatever else has a name.
    Other,
}

/// A file that is written from its start to its end.
pub trait File {
    /// Writes some of `bytes`, at least one, behind what has been written. How many.
    ///
    /// # Errors
    ///
    /// When none can be written.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Fault>;

    /// Cuts it to `len` bytes.
    ///
    /// # Errors
    ///
    /// When it cannot be cut.
    fn cut(&mut self, len: u64) -> Result<(), Fault>;
}

/// Why a file could not be made or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is one already.
    Exists,
    /// The path leads out of the record folder, where the program may do nothing.
    Outside,
    /// Whatever the runtime says.
    Other(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exists => "exists already",
            Self::Outside => "that is not below the record folder, from where its path counts",
            Self::Other(why) => why,
        })
    }
}

/// Finds the record folder among those that a runtime gives: its number, and the path from there,
/// which is empty or ends in `/`.
///
/// # Errors
///
/// When there is none of that name, or none at all.
pub fn find_folder<'a>(
    names: impl Iterator<Item = &'a str> + Clone,
    wanted: Option<&str>,
) -> Result<(usize, String), String> {
    let plain = |name: &'a str| name.trim_start_matches("./").trim_end_matches('/');
    let Some(wanted) = wanted else {
        let mut first = names.map(|_| (0, String::new()));
        return first.next().ok_or_else(|| "the runtime gives no folder to record to".to_string());
    };
    let path = wanted.trim_start_matches("./").trim_end_matches('/');
    // The longest name is the closest folder.
    let below = names.clone().map(plain).enumerate().filter_map(|(at, name)| {
        let rest = path.strip_prefix(name)?;
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        let whole = rest.is_empty() || path.len() > name.len() + rest.len() || name.is_empty();
        whole.then_some((name.len(), at, rest))
    });
    match below.max() {
        Some((_, at, "")) => Ok((at, String::new())),
        Some((_, at, rest)) => Ok((at, format!("{rest}/"))),
        None => {
            let given: alloc::vec::Vec<_> = names.collect();
            Err(format!("the runtime gives no folder {wanted}, only: {}", given.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(names: &[&str], wanted: Option<&str>) -> Result<(usize, String), String> {
        find_folder(names.iter().copied(), wanted)
    }

    #[test]
    fn the_record_folder_is_found_by_its_name() {
        let well = |at, below: &str| Ok((at, below.to_string()));
        assert_eq!(find(&["/rec", "/other"], None), well(0, ""));
        assert_eq!(find(&["/rec", "/other"], Some("/other")), well(1, ""));
        assert_eq!(find(&["./rec"], Some("rec/")), well(0, ""));
        assert_eq!(find(&["/data", "/data/live"], Some("/data/live/a")), well(1, "a/"));
        assert_eq!(find(&["/"], Some("/data/live")), well(0, "data/live/"));
        assert!(find(&["/rec"], Some("/recordings")).is_err());
        assert!(find(&[], None).is_err() && find(&[], Some("rec")).is_err());
    }
}
