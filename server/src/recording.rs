//! Where a stream's tags go: a new file, or an output that was named.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use sluicebox_core::{Tags, Tally, flv};

use sluicebox_rules::name::PublishPoint;
use sluicebox_rules::stats::Stats;

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
    pub(crate) fn open(&self, point: &PublishPoint) -> Result<Recording> {
        let (file, path) = match self {
            Self::Folder(folder) => create(&folder.join(point.path()))?,
            Self::File(path) => {
                let open = OpenOptions::new().write(true).create(true).truncate(false).open(path);
                let file = open.with_context(|| format!("cannot open {}", path.display()))?;
                (file, path.clone())
            }
            Self::Stdout => (stdout().context("cannot open standard output")?, PathBuf::from("-")),
        };
        let mut recording = Recording { file, path, len: 0, written: Tally::default() };
        recording.write(&flv::FILE_HEADER)?;
        Ok(recording)
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

/// The recording of one stream, from publish to unpublish.
#[derive(Debug)]
pub(crate) struct Recording {
    file: File,
    path: PathBuf,
    /// Bytes of whole tags, and the header, that are in it.
    len: u64,
    written: Tally,
}

impl Recording {
    /// Where it is; `-` is standard output.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Tags written, and the bytes of their bodies.
    pub(crate) fn written(&self) -> Tally {
        self.written
    }

    /// Appends a run of tags with one write, counting them where they lie: what is in the file is
    /// this side's word, not the session's.
    ///
    /// # Errors
    ///
    /// When the run is not whole tags, and when the output takes no more. A file then ends at the
    /// last tag that went in whole.
    pub(crate) fn append(&mut self, tags: &Tags<'_>, stats: &Stats) -> Result<()> {
        let (run, len) = count(tags.bytes, |tag| stats.tag(tag));
        if len != tags.bytes.len() {
            bail!("the session gave a run that is not whole tags");
        }
        self.write(tags.bytes)?;
        self.written = self.written.plus(run);
        stats.written(tags);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let mut gone = 0;
        while gone < bytes.len() {
            match self.file.write(&bytes[gone..]) {
                Ok(0) => return Err(self.cut(&bytes[..gone], io::ErrorKind::WriteZero.into())),
                Ok(len) => gone += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.cut(&bytes[..gone], error)),
            }
        }
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Keeps what went in whole of a run that failed, and cuts off the rest: a file ends at a tag
    /// again.
    fn cut(&mut self, gone: &[u8], error: io::Error) -> anyhow::Error {
        let (run, len) = count(gone, |_| ());
        self.written = self.written.plus(run);
        self.len += len as u64;
        if self.file.metadata().is_ok_and(|meta| meta.is_file())
            && let Err(error) = self.file.set_len(self.len)
        {
            tracing::warn!(path = %self.path.display(), %error, "cannot cut off a torn tag");
        }
        anyhow::Error::new(error).context(format!("cannot write {}", self.path.display()))
    }
}

/// Counts the whole tags at the start of `bytes`: their number and bodies, and their length in all.
fn count(bytes: &[u8], mut each: impl FnMut(&flv::Tag<'_>)) -> (Tally, usize) {
    let mut tally = Tally::default();
    let mut tags = flv::tags(bytes);
    for tag in &mut tags {
        tally.add(tag.body.len());
        each(&tag);
    }
    (tally, bytes.len() - tags.rest().len())
}

#[cfg(test)]
mod tests {
    use sluicebox_core::{StreamId, Text};

    use super::*;

    const TAG: &[u8] = b"\x08\0\0\x02\0\0\0\0\0\0\0ab\0\0\0\x0d";

    fn point() -> PublishPoint {
        PublishPoint::new(Text(b"live"), Text(b""), Text(b"cam"))
    }

    #[test]
    fn two_recordings_never_share_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let destination = Destination::new(folder.path(), None).unwrap();
        let one = destination.open(&point()).unwrap();
        let two = destination.open(&point()).unwrap();
        assert_ne!(one.path(), two.path());
        assert!(two.path().starts_with(folder.path().join("live")));
    }

    #[test]
    fn whole_tags_are_counted_and_others_refused() {
        let folder = tempfile::tempdir().unwrap();
        let destination = Destination::new(folder.path(), None).unwrap();
        let mut recording = destination.open(&point()).unwrap();
        let run = |bytes| Tags { stream: StreamId(1), bytes, count: 1, refused: 0 };
        let stats = Stats::default();
        recording.append(&run(TAG), &stats).unwrap();
        assert_eq!(recording.written(), Tally { messages: 1, bytes: 2 });
        recording.append(&run(&TAG[..TAG.len() - 1]), &stats).unwrap_err();
        assert_eq!(fs::read(recording.path()).unwrap(), [&flv::FILE_HEADER, TAG].concat());
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
