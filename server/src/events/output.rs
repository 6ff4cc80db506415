//! Where events are written to.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result};

/// Where events go, as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// `-`
    Stdout,
    /// `fd:N`: a descriptor that was open when the server started.
    Descriptor(u32),
    /// A file that is appended to, or a FIFO.
    Path(PathBuf),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "-" {
            return Ok(Self::Stdout);
        }
        match text.strip_prefix("fd:") {
            Some(number) => match number.parse() {
                Ok(number) => Ok(Self::Descriptor(number)),
                Err(error) => Err(format!("fd:N with a number: {error}")),
            },
            None if text.is_empty() => Err("names no file".into()),
            None => Ok(Self::Path(text.into())),
        }
    }
}

/// An output for lines.
#[derive(Debug)]
pub(super) struct Output {
    /// None: it is a FIFO that has no reader.
    file: Option<File>,
    /// A FIFO is opened again for its next reader.
    fifo: Option<PathBuf>,
    /// The last line did not go out whole.
    torn: bool,
    /// It has been logged that it fails.
    blamed: bool,
}

impl Output {
    pub(super) fn open(target: &Target) -> Result<Self> {
        let mut output = Self { file: None, fifo: None, torn: false, blamed: false };
        match target {
            Target::Stdout => output.file = Some(stdout().context("events: standard output")?),
            Target::Descriptor(number) => {
                let file = descriptor(*number);
                output.file = Some(file.with_context(|| format!("events: descriptor {number}"))?);
            }
            // That would wait for its reader.
            Target::Path(path) if is_fifo(path) => output.fifo = Some(path.clone()),
            Target::Path(path) => {
                let file = OpenOptions::new().append(true).create(true).open(path);
                output.file =
                    Some(file.with_context(|| format!("events: cannot open {}", path.display()))?);
            }
        }
        Ok(output)
    }

    /// Writes a line, however long that takes. False: it could not be written.
    pub(super) fn write(&mut self, line: &str) -> bool {
        let result = self.try_write(line);
        if let Err(error) = &result {
            if !self.blamed {
                tracing::warn!(%error, "events cannot be written");
            }
            if self.fifo.is_some() {
                self.file = None;
            }
        }
        self.blamed = result.is_err();
        result.is_ok()
    }

    fn try_write(&mut self, line: &str) -> io::Result<()> {
        let file = match (&mut self.file, &self.fifo) {
            (Some(file), _) => file,
            (none, Some(path)) => {
                self.torn = false;
                none.insert(OpenOptions::new().write(true).open(path)?)
            }
            (None, None) => return Err(io::ErrorKind::NotFound.into()),
        };
        if self.torn {
            file.write_all(b"\n")?;
        }
        self.torn = true;
        file.write_all(line.as_bytes())?;
        self.torn = false;
        Ok(())
    }
}

/// Standard output without the line buffer that the standard library puts before it.
fn stdout() -> io::Result<File> {
    #[cfg(unix)]
    let own = std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned()?;
    #[cfg(windows)]
    let own = std::os::windows::io::AsHandle::as_handle(&io::stdout()).try_clone_to_owned()?;
    Ok(own.into())
}

/// A duplicate of a descriptor that was inherited.
#[cfg(target_os = "linux")]
fn descriptor(number: u32) -> io::Result<File> {
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
    let number = i32::try_from(number).map_err(|_| io::ErrorKind::InvalidInput)?;
    let own = pidfd_open(getpid(), PidfdFlags::empty())
        .and_then(|own| pidfd_getfd(own, number, PidfdGetfdFlags::empty()));
    match own {
        Ok(file) => Ok(file.into()),
        // Containers may forbid the call. A socket cannot be had the other way.
        Err(error) => reopen(number).map_err(|_| error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn descriptor(number: u32) -> io::Result<File> {
    reopen(number)
}

/// Opens what a descriptor is of once more.
fn reopen(number: impl std::fmt::Display) -> io::Result<File> {
    OpenOptions::new().append(true).open(format!("/dev/fd/{number}"))
}

#[cfg(unix)]
fn is_fifo(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    path.metadata().is_ok_and(|meta| meta.file_type().is_fifo())
}

#[cfg(not(unix))]
fn is_fifo(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_told_apart() {
        assert_eq!("-".parse(), Ok(Target::Stdout));
        assert_eq!("fd:3".parse(), Ok(Target::Descriptor(3)));
        assert_eq!("./fd:3".parse(), Ok(Target::Path("./fd:3".into())));
        for wrong in ["fd:", "fd:x", "fd:-1", ""] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn files_are_appended_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        for _ in 0..2 {
            let mut output = Output::open(&Target::Path(path.clone())).unwrap();
            assert!(output.write("line\n"));
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "line\nline\n");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn any_open_descriptor_will_do() {
        use std::io::Read as _;
        use std::os::fd::AsRawFd as _;
        use std::os::unix::net::UnixStream;
        let (mut reader, writer) = UnixStream::pair().unwrap();
        let number = u32::try_from(writer.as_raw_fd()).unwrap();
        let mut output = Output::open(&Target::Descriptor(number)).unwrap();
        drop(writer);
        assert!(output.write("line\n"));
        drop(output);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "line\n");
        assert!(Output::open(&Target::Descriptor(9999)).is_err());
    }
}
