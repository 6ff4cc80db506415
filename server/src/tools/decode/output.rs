//! The files that publishes become.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use sluicebox_core::{Tags, Tally, flv};
use sluicebox_media::tracks::Tracks;

/// Where publishes go, one after another.
pub(super) struct Output {
    path: PathBuf,
    begun: u32,
}

/// One publish.
pub(super) struct Recording {
    out: Box<dyn Write>,
    /// Where it goes; `-` is standard output.
    pub(super) path: PathBuf,
    /// What went out: tags, and bytes of their bodies.
    pub(super) written: Tally,
    /// What is in it.
    pub(super) tracks: Tracks,
}

impl Output {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, begun: 0 }
    }

    /// Begins the next publish. Nothing that is there is written over.
    pub(super) fn begin(&mut self) -> Result<Recording> {
        self.begun += 1;
        let path = numbered(&self.path, self.begun);
        let mut out: Box<dyn Write> = if path == Path::new("-") {
            if self.begun > 1 {
                bail!("more than one publish: give --output a file");
            }
            Box::new(io::stdout())
        } else {
            let file = File::create_new(&path);
            let file = file.with_context(|| format!("cannot create {}", path.display()))?;
            Box::new(BufWriter::new(file))
        };
        out.write_all(&flv::FILE_HEADER)?;
        Ok(Recording { out, path, written: Tally::default(), tracks: Tracks::default() })
    }
}

impl Recording {
    pub(super) fn append(&mut self, tags: &Tags<'_>) -> Result<()> {
        for tag in flv::tags(tags.bytes) {
            self.written.add(tag.body.len());
            self.tracks.tag(&tag);
        }
        let name = || format!("cannot write {}", self.path.display());
        self.out.write_all(tags.bytes).with_context(name)
    }

    pub(super) fn finish(&mut self) -> Result<()> {
        let name = || format!("cannot write {}", self.path.display());
        self.out.flush().with_context(name)
    }
}

/// `out.flv`, `out-2.flv`, `out-3.flv`.
fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 1 || path == Path::new("-") {
        return path.to_owned();
    }
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbered_from_the_second_on() {
        let name = |path, number| numbered(Path::new(path), number).display().to_string();
        assert_eq!(name("a/out.flv", 1), "a/out.flv");
        assert_eq!(name("a/out.flv", 2), "a/out-2.flv");
        assert_eq!(name("out", 3), "out-3");
        assert_eq!(name("-", 2), "-");
    }
}
