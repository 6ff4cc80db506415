//! What all drives do with the bytes of a connection: a session, and the files of its streams.

use std::fs::File;
use std::io::{self, Seek as _, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sluicebox_core::{Close, Config, Event, Session, StreamId, flv};

/// How tags get to a file: each drive wraps the write in its own way.
pub(super) type Sink<'a> = &'a mut dyn FnMut(&mut File, &[u8]) -> io::Result<()>;

/// A connection without its socket.
pub(super) struct Recorder {
    session: Session,
    dir: PathBuf,
    file: Option<File>,
}

impl Recorder {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { session: Session::new(Config::default(), 1), dir, file: None }
    }

    /// Whether a stream is being recorded.
    pub(super) fn is_live(&self) -> bool {
        self.file.is_some()
    }

    /// Takes in `input`; replies go to `peer`, tags through `sink`.
    pub(super) fn take(
        &mut self,
        mut input: &[u8],
        mut peer: impl Write,
        sink: Sink<'_>,
    ) -> Result<()> {
        while let Some(event) = self.session.poll(&mut input)? {
            match event {
                Event::Reply(bytes) => peer.write_all(bytes).context("replying")?,
                Event::Publish(publish) => {
                    let name = format!("{}.flv", publish.name);
                    let stream = publish.stream;
                    self.publish(stream, &name)?;
                }
                Event::Tags(tags) => {
                    let file = self.file.as_mut().context("tags of no stream")?;
                    sink(file, tags.bytes).context("recording")?;
                }
                Event::Unpublish(_) => self.file.take().map_or(Ok(()), close)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Gives back memory that is not in use.
    pub(super) fn trim(&mut self) {
        self.session.trim();
    }

    fn publish(&mut self, stream: StreamId, name: &str) -> Result<()> {
        let mut file = open(&self.dir.join(name)).context(name.to_owned())?;
        file.write_all(&flv::FILE_HEADER)?;
        self.file = Some(file);
        self.session.accept(stream);
        Ok(())
    }

    /// The peer is gone: records what is left and closes the file.
    pub(super) fn finish(&mut self, sink: Sink<'_>) -> Result<()> {
        self.session.close(Close::Gone);
        self.take(&[], io::sink(), sink)
    }
}

/// The write that all drives start from.
pub(super) fn write(file: &mut File, tags: &[u8]) -> io::Result<()> {
    file.write_all(tags)
}

/// Opens a recording to be written over: memory for it may be there from the run before, and
/// does not count in this one. [`close`] cuts off what is left of that run.
pub(super) fn open(path: &Path) -> io::Result<File> {
    File::options().write(true).create(true).truncate(false).open(path)
}

/// Ends a recording where its last write ended.
pub(super) fn close(mut file: File) -> io::Result<()> {
    if !file.metadata()?.is_file() {
        return Ok(());
    }
    let end = file.stream_position()?;
    file.set_len(end)
}
