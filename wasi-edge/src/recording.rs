//! Where a stream's tags go: a new file below the record folder.

use alloc::format;
use alloc::string::String;

use sluicebox_core::{Tags, Tally, flv};
use sluicebox_rules::stats::Stats;

use crate::date;
use crate::system::{Fault, File, Found, System};

/// Recordings of one name that may start in the same second.
const NUMBERS: u32 = 100;

/// The recording of one stream, from publish to unpublish.
pub(crate) struct Recording<F> {
    file: F,
    path: String,
    /// Bytes of whole tags, and the header, that are in it.
    len: u64,
    written: Tally,
}

impl<F: File> Recording<F> {
    /// Makes the file of a publish that starts now: `<stem>-<UTC start>.flv`, with a number if there
    /// is one already.
    ///
    /// # Errors
    ///
    /// What the system says, as a text for the log.
    pub(crate) fn create<S>(stem: &str, system: &mut S) -> Result<Self, String>
    where
        S: System<File = F>,
    {
        for (at, _) in stem.match_indices('/') {
            let folder = &stem[..at];
            let made = system.make_folder(folder);
            made.map_err(|fault| format!("cannot make the folder {folder}: {fault}"))?;
        }
        let start = date::short(system.date());
        for number in 1..=NUMBERS {
            let path = match number {
                1 => format!("{stem}-{start}.flv"),
                number => format!("{stem}-{start}-{number}.flv"),
            };
            match system.create(&path) {
                Ok(file) => return Self::begin(file, path, system),
                Err(Fault::Exists) => {}
                Err(fault) => return Err(format!("cannot create {path}: {fault}")),
            }
        }
        Err(format!("too many recordings of {stem} in one second"))
    }

    /// Whether the one file that was asked for may be made. To be asked at the start: at the first
    /// publish, somebody streams.
    ///
    /// # Errors
    ///
    /// Why it may not be.
    pub(crate) fn may_be_made<S>(path: &str, system: &mut S) -> Result<(), String>
    where
        S: System<File = F>,
    {
        let cannot = |fault| format!("cannot write to {path}: {fault}");
        match system.find(path).map_err(cannot)? {
            Found::Folder => return Err(format!("{path} is a folder: see --record-dir")),
            Found::Other => return Err(format!("{path} exists and is not written over")),
            Found::Nothing => {}
        }
        match path.rsplit_once('/') {
            Some((folder, _)) if system.find(folder).map_err(cannot)? != Found::Folder => {
                Err(format!("cannot write to {path}: there is no folder {folder}"))
            }
            _ => Ok(()),
        }
    }

    /// The one file that was asked for.
    ///
    /// # Errors
    ///
    /// What the system says, as a text for the log.
    pub(crate) fn exactly<S>(path: &str, system: &mut S) -> Result<Self, String>
    where
        S: System<File = F>,
    {
        let file = system.create(path).map_err(|fault| format!("cannot create {path}: {fault}"))?;
        Self::begin(file, path.into(), system)
    }

    /// Writes the file's header. Where there is no room even for that, no empty file is left: each
    /// publish that an encoder tries on a full disk would leave one.
    fn begin<S>(file: F, path: String, system: &mut S) -> Result<Self, String>
    where
        S: System<File = F>,
    {
        let mut recording = Self { file, path, len: 0, written: Tally::default() };
        let Err(why) = recording.write(&flv::FILE_HEADER) else { return Ok(recording) };
        let Self { file, path, .. } = recording;
        drop(file);
        match system.remove(&path) {
            Ok(()) => Err(why),
            Err(fault) => Err(format!("{why}; nor remove it: {fault}")),
        }
    }

    /// Where it is, from the record folder.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Tags written, and the bytes of their bodies.
    pub(crate) fn written(&self) -> Tally {
        self.written
    }

    /// Appends a run of tags, counting them where they lie: what is in the file is this side's word,
    /// not the session's.
    ///
    /// # Errors
    ///
    /// When the file takes no more. It then ends at the last tag that went in whole.
    pub(crate) fn append(&mut self, tags: &Tags<'_>, stats: &Stats) -> Result<(), String> {
        let (run, len) = count(tags.bytes, |tag| stats.tag(tag));
        if len != tags.bytes.len() {
            return Err("the session gave a run that is not whole tags".into());
        }
        self.write(tags.bytes)?;
        self.written = self.written.plus(run);
        stats.written(tags);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        let mut gone = 0;
        while gone < bytes.len() {
            match self.file.write(&bytes[gone..]) {
                Ok(0) => return Err(self.cut(&bytes[..gone], "it takes no more")),
                Ok(len) => gone += len,
                Err(fault) => return Err(self.cut(&bytes[..gone], &format!("{fault}"))),
            }
        }
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Keeps what went in whole of a run that failed, and cuts off the rest.
    fn cut(&mut self, gone: &[u8], why: &str) -> String {
        let (run, len) = count(gone, |_| ());
        self.written = self.written.plus(run);
        self.len += len as u64;
        let path = &self.path;
        match self.file.cut(self.len) {
            Ok(()) => format!("cannot write {path}: {why}"),
            Err(fault) => format!("cannot write {path}: {why}; nor cut off a torn tag: {fault}"),
        }
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
