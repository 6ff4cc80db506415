//! Where recordings go: a new file for each below a folder, or an output that was named.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;

use super::file::OutputFile;
use super::{Recording, Watch};
use sluicebox_rules::name::PublishPoint;

/// Recordings of one name that may start in the same second.
const NUMBERS: u32 = 100;

/// Where recordings go.
#[derive(Clone, Debug)]
pub(crate) enum Destination {
    /// A new file for each publish below this folder.
    Folder(PathBuf),
    /// One file, FIFO or device, for one publish.
    File(PathBuf),
    /// Standard output, for one publish.
    Stdout,
}

/// What a recording is opened for.
pub(crate) struct Opening<'a> {
    pub(crate) point: &'a PublishPoint,
    /// Tells the connection that it is for from all others.
    pub(crate) session: String,
    pub(crate) watch: Box<dyn Watch>,
}

impl Destination {
    /// What the flags say. A file that has something in it is not written over.
    pub(crate) fn new(folder: &Path, output: Option<&Path>) -> Result<Self> {
        let Some(output) = output else {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
            return Ok(Self::Folder(folder.to_owned()));
        };
        if output == Path::new("-") {
            return Ok(Self::Stdout);
        }
        match fs::metadata(output) {
            Ok(meta) if meta.is_dir() => {
                bail!("{} is a folder: see --record-dir", output.display())
            }
            Ok(meta) if meta.is_file() && meta.len() > 0 => {
                bail!("{} exists and is not written over", output.display())
            }
            _ => Ok(Self::File(output.to_owned())),
        }
    }

    /// Opens the recording of a publish that starts now.
    pub(crate) fn open(&self, opening: Opening<'_>) -> Result<Recording> {
        let (file, path) = match self {
            Self::Folder(folder) => create(&folder.join(opening.point.path()))?,
            Self::File(path) => {
                let open = OpenOptions::new().write(true).create(true).truncate(false).open(path);
                let file = open.with_context(|| format!("cannot open {}", path.display()))?;
                (file, path.clone())
            }
            Self::Stdout => (stdout().context("cannot open standard output")?, PathBuf::from("-")),
        };
        Recording::begin(OutputFile::new(file, path), opening.session, opening.watch)
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

/// Makes the file of a publish that starts now: `<stem>-<UTC start>.flv`, with a number if there is
/// one already.
fn create(stem: &Path) -> Result<(File, PathBuf)> {
    if let Some(folder) = stem.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let start = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    for number in 1..=NUMBERS {
        let mut path = stem.as_os_str().to_owned();
        path.push(format!("-{start}"));
        if number > 1 {
            path.push(format!("-{number}"));
        }
        path.push(".flv");
        let path = PathBuf::from(path);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot create {}", path.display()));
            }
        }
    }
    bail!("too many recordings of {} in one second", stem.display())
}

#[cfg(test)]
impl Opening<'_> {
    /// Of a publisher on this machine that nobody watches.
    pub(super) fn for_tests(app: &str, name: &str) -> Self {
        use sluicebox_core::Text;
        let point = PublishPoint::new(Text(app.as_bytes()), Text(b""), Text(name.as_bytes()));
        let point = Box::leak(Box::new(point));
        Self { point, session: "0".into(), watch: Box::new(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_recordings_never_share_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let destination = Destination::new(folder.path(), None).unwrap();
        let one = destination.open(Opening::for_tests("live", "cam")).unwrap();
        let two = destination.open(Opening::for_tests("live", "cam")).unwrap();
        assert_ne!(one.path(), two.path());
        assert!(two.path().starts_with(folder.path().join("live")));
    }

    #[test]
    fn what_is_there_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("out.flv");
        assert!(Destination::new(folder.path(), Some(&file)).is_ok());
        fs::write(&file, "precious").unwrap();
        assert!(Destination::new(folder.path(), Some(&file)).is_err());
        assert!(Destination::new(folder.path(), Some(folder.path())).is_err());
    }
}
