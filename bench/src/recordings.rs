//! What is in a directory of recordings, and in the directories below it.

use std::fs::{self, File};
use std::io::{self, BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

/// What recordings hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// FLV tags.
    pub tags: u64,
    /// Bytes of their bodies.
    pub bodies: u64,
}

/// Walks every file below `dir` from its header to its last tag, and adds up.
///
/// # Errors
///
/// When a file is not FLV, or not whole: it does not end where a tag ends.
pub fn count(dir: &Path) -> Result<Content> {
    let mut content = Content::default();
    for path in files(dir)? {
        walk(&path, &mut content).with_context(|| path.display().to_string())?;
    }
    Ok(content)
}

/// Bytes of all [`files`] below `dir`, of whatever kind.
///
/// # Errors
///
/// When one cannot be looked at.
pub fn bytes(dir: &Path) -> Result<u64> {
    files(dir)?.iter().map(|path| Ok(path.symlink_metadata()?.len())).sum()
}

/// All files below `dir`, but for what a server keeps for itself under a name with a dot.
///
/// # Errors
///
/// When a directory cannot be read.
pub fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if entry.file_type()?.is_dir() {
            found.append(&mut files(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Makes sure of `files` files of `bytes` bytes, `00000.flv` and so on, for recorders to write over:
/// what the system takes to find fresh memory varies more than what is measured.
///
/// # Errors
///
/// When there is not enough room.
pub fn reserve(dir: &Path, files: usize, bytes: u64) -> Result<()> {
    for index in 0..files {
        let path = dir.join(format!("{index:05}.flv"));
        let mut file = File::options().append(true).create(true).open(path)?;
        let missing = bytes.saturating_sub(file.metadata()?.len());
        io::copy(&mut io::repeat(0).take(missing), &mut file)?;
    }
    Ok(())
}

/// Has the system find memory for `bytes` bytes in `dir`, and lets go of it. A virtual machine's host
/// takes back what is not in use for some seconds, and whoever writes next pays for that.
///
/// # Errors
///
/// When there is not enough room.
pub fn warm(dir: &Path, bytes: u64) -> Result<()> {
    let path = dir.join("warm");
    io::copy(&mut io::repeat(0).take(bytes), &mut File::create(&path)?)?;
    Ok(fs::remove_file(path)?)
}

fn walk(path: &Path, content: &mut Content) -> Result<()> {
    let file = File::open(path)?;
    let mut left = file.metadata()?.len();
    let mut file = BufReader::with_capacity(256 << 10, file);
    let mut header = [0; 13];
    file.read_exact(&mut header).context("no header")?;
    ensure!(header.starts_with(b"FLV"), "not FLV");
    left -= header.len() as u64;
    while left > 0 {
        let mut tag = [0; 11];
        file.read_exact(&mut tag).context("a tag is cut off")?;
        let body = u32::from_be_bytes([0, tag[1], tag[2], tag[3]]);
        let whole = 11 + u64::from(body) + 4;
        left = left.checked_sub(whole).context("the last tag is cut off")?;
        file.seek_relative(i64::from(body))?;
        let mut size = [0; 4];
        file.read_exact(&mut size)?;
        ensure!(u32::from_be_bytes(size) == 11 + body, "PreviousTagSize does not fit");
        content.tags += 1;
        content.bodies += u64::from(body);
    }
    Ok(())
}

/// Deletes everything in `dir`.
///
/// # Errors
///
/// When a file cannot be deleted.
pub fn clear(dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = b"FLV\x01\x05\0\0\0\x09\0\0\0\0\x08\0\0\x02\0\0\0\0\0\0\0ab\0\0\0\x0d";

    fn content(bytes: &[u8]) -> Result<Content> {
        let dir = std::env::temp_dir().join(format!("recordings-{}", std::process::id()));
        fs::create_dir_all(dir.join("live"))?;
        fs::write(dir.join("live/0.flv"), bytes)?;
        // As servers do while they run.
        fs::create_dir_all(dir.join(".unfinished"))?;
        fs::write(dir.join(".unfinished/0.lock"), "")?;
        let content = count(&dir);
        clear(&dir)?;
        fs::remove_dir(&dir)?;
        content
    }

    #[test]
    fn whole_tags_are_counted_and_others_found() {
        assert_eq!(content(FILE).unwrap(), Content { tags: 1, bodies: 2 });
        for len in (0..13).chain(14..FILE.len()) {
            assert!(content(&FILE[..len]).is_err(), "cut at {len}");
        }
        let mut wrong = FILE.to_vec();
        *wrong.last_mut().unwrap() += 1;
        assert!(content(&wrong).is_err());
    }
}
