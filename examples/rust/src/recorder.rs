//! A file for each stream.

use std::collections::HashMap;
use std::fs::{File, create_dir_all};
use std::io::{Result, Write as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Recordings of one connection.
pub(crate) struct Recorder {
    folder: PathBuf,
    /// The first bytes of each.
    header: Vec<u8>,
    live: HashMap<u32, File>,
}

impl Recorder {
    pub(crate) fn new(folder: &Path, header: Vec<u8>) -> Result<Self> {
        create_dir_all(folder)?;
        Ok(Self { folder: folder.into(), header, live: HashMap::new() })
    }

    /// Begins a recording. It is named after application and stream, as the peer sent them.
    pub(crate) fn begin(&mut self, stream: u32, app: &[u8], name: &[u8]) -> Result<()> {
        let name = format!("{}-{}-{}.flv", safe(app), safe(name), now());
        let mut file = File::create_new(self.folder.join(name))?;
        file.write_all(&self.header)?;
        self.live.insert(stream, file);
        Ok(())
    }

    /// Appends whole tags.
    pub(crate) fn append(&mut self, stream: u32, tags: &[u8]) -> Result<()> {
        self.live.get_mut(&stream).map_or(Ok(()), |file| file.write_all(tags))
    }

    pub(crate) fn end(&mut self, stream: u32) {
        self.live.remove(&stream);
    }
}

/// Nanoseconds since 1970: a seed, and what tells recordings apart.
pub(crate) fn now() -> u64 {
    let now = UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    u64::try_from(now).unwrap_or_default()
}

/// What a peer says, as a part of a file name.
fn safe(text: &[u8]) -> String {
    let part = |byte: &u8| match *byte {
        plain if plain.is_ascii_alphanumeric() || plain == b'_' => char::from(plain).into(),
        other => format!("%{other:02X}"),
    };
    text.iter().take(60).map(part).collect()
}
