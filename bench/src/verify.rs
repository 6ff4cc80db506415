//! Whether recordings hold what was sent: every body, byte for byte, at the right time.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::load::{Amount, Media, Published, Report, Sent};
use crate::recordings;
use crate::wire::{AUDIO, VIDEO};

/// What recordings hold of what was sent, in audio and video: data messages are left out, as many
/// servers write metadata of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What was sent.
    pub sent: Amount,
    /// What of it is there, in its order.
    pub kept: Amount,
    /// How many of these have the right timestamp: as sent, give or take what is the same for all
    /// of the stream.
    pub timed: u64,
    /// Recordings that do not end where a tag ends, or hold what nobody sent.
    pub damaged: usize,
}

impl Verdict {
    /// Whether everything is there and nothing else.
    pub fn is_complete(&self) -> bool {
        self.kept.bodies == self.sent.bodies
            && self.kept.messages == self.sent.messages
            && self.damaged == 0
    }

    fn add(&mut self, other: Self) {
        self.sent.add(other.sent);
        self.kept.add(other.kept);
        self.timed += other.timed;
        self.damaged += other.damaged;
    }
}

/// Compares the recordings below `dir` with what was sent to them: `raw`, byte by byte from the
/// first to the last, else tag by tag.
///
/// # Errors
///
/// When a recording cannot be read.
pub fn verify(dir: &Path, report: &Report, media: &Media, raw: bool) -> Result<Verdict> {
    let files = by_stream(dir)?;
    let mut total = Verdict::default();
    for publisher in &report.publishers {
        let mut verdict = match files.get(&publisher.name) {
            None => Verdict::default(),
            Some(path) if raw => bytes(path, publisher, media)?,
            Some(path) => {
                tags(path, publisher, media).with_context(|| path.display().to_string())?
            }
        };
        for sent in media.sent(publisher.begin, publisher.messages).filter(is_av) {
            add(&mut verdict.sent, &sent);
        }
        if raw {
            // All or nothing: there are no tags to tell.
            let whole = verdict.timed == 1;
            verdict.kept = if whole { verdict.sent } else { Amount::default() };
            verdict.timed = verdict.kept.messages;
        }
        total.add(verdict);
    }
    Ok(total)
}

/// The recording of each stream: a file, or a directory, whose name is the stream's up to the first
/// `-` or `.`.
///
/// # Errors
///
/// When a directory cannot be read.
pub fn by_stream(dir: &Path) -> Result<HashMap<String, PathBuf>> {
    let mut found = HashMap::new();
    for path in recordings::files(dir)? {
        if path.extension().is_none_or(|extension| extension != "flv") {
            continue;
        }
        let inner = path.strip_prefix(dir)?.to_path_buf();
        for part in &inner {
            let name = part.to_string_lossy();
            let name = name.split(['-', '.']).next().unwrap_or_default();
            found.entry(name.to_owned()).or_insert_with(|| path.clone());
        }
    }
    Ok(found)
}

fn is_av(sent: &Sent<'_>) -> bool {
    [AUDIO.kind, VIDEO.kind].contains(&sent.kind)
}

fn add(amount: &mut Amount, sent: &Sent<'_>) {
    amount.messages += 1;
    amount.bodies += sent.body.len() as u64;
}

/// Compares a recording without tags; `timed` is 1 when it is what was sent.
fn bytes(path: &Path, publisher: &Published, media: &Media) -> Result<Verdict> {
    let mut file = BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut piece = Vec::new();
    let whole = media.raw(publisher.begin, publisher.messages).all(|expected| {
        piece.resize(expected.len(), 0);
        file.read_exact(&mut piece).is_ok() && piece == *expected
    });
    let whole = whole && file.read(&mut [0])? == 0;
    Ok(Verdict { timed: u64::from(whole), damaged: usize::from(!whole), ..Verdict::default() })
}

/// Compares a recording tag by tag.
fn tags(path: &Path, publisher: &Published, media: &Media) -> Result<Verdict> {
    // How many tags are how much later than they should be.
    let mut offsets: HashMap<u32, u64> = HashMap::new();
    let mut verdict = Verdict::default();
    verdict.damaged = usize::from(!each(path, publisher, media, |_, sent, timestamp, _| {
        add(&mut verdict.kept, &sent);
        *offsets.entry(timestamp.wrapping_sub(sent.timestamp)).or_default() += 1;
    })?);
    verdict.timed = offsets.into_values().max().unwrap_or(0);
    Ok(verdict)
}

/// Calls `found` with each tag of a recording that was sent: its number in what was, the message, its
/// timestamp in the file and where it ends there. Says whether there is nothing else.
pub(crate) fn each<'a>(
    path: &Path,
    publisher: &Published,
    media: &'a Media,
    mut found: impl FnMut(usize, Sent<'a>, u32, u64),
) -> Result<bool> {
    let sent = |kind| {
        let all = media.sent(publisher.begin, publisher.messages).enumerate();
        all.filter(move |(_, sent)| sent.kind == kind)
    };
    let (mut audio, mut video) = (sent(AUDIO.kind), sent(VIDEO.kind));
    let mut reader = TagReader::open(path)?;
    let mut sound = true;
    while let Some((kind, timestamp)) = reader.next()? {
        let body = &reader.body[..];
        let one = match kind {
            9 => find(&mut video, body, media),
            8 => find(&mut audio, body, media),
            _ => continue,
        };
        match one {
            Some((index, sent)) => found(index, sent, timestamp, reader.end),
            None => sound = false,
        }
    }
    Ok(sound && !reader.torn)
}

/// The next message with this body; those before it are lost. Without one, none is.
fn find<'a>(
    sent: &mut (impl Iterator<Item = (usize, Sent<'a>)> + Clone),
    body: &[u8],
    media: &Media,
) -> Option<(usize, Sent<'a>)> {
    let mut ahead = sent.clone();
    // A lap later, the same bodies come again.
    let lap = usize::try_from(media.messages()).unwrap_or(usize::MAX);
    let found = ahead.by_ref().take(lap).find(|(_, sent)| sent.body == body);
    if found.is_some() {
        *sent = ahead;
    }
    found
}

/// Reads a recording tag by tag, as far as it is whole.
pub(crate) struct TagReader {
    file: BufReader<File>,
    pub(crate) body: Vec<u8>,
    /// Where the last tag ends, in bytes from the start of the file.
    pub(crate) end: u64,
    /// It ended within a tag.
    pub(crate) torn: bool,
}

impl TagReader {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let mut file = BufReader::with_capacity(1 << 20, File::open(path)?);
        let mut header = [0; 13];
        let torn = file.read_exact(&mut header).is_err() || !header.starts_with(b"FLV");
        Ok(Self { file, body: Vec::new(), end: 13, torn })
    }

    /// Kind and timestamp of the next tag, whose body is then in `body`.
    pub(crate) fn next(&mut self) -> Result<Option<(u8, u32)>> {
        let mut header = [0; 11];
        if self.torn || self.file.read(&mut header[..1])? == 0 {
            return Ok(None);
        }
        self.torn = true;
        if self.file.read_exact(&mut header[1..]).is_err() {
            return Ok(None);
        }
        let len = u32::from_be_bytes([0, header[1], header[2], header[3]]);
        self.body.resize(len as usize, 0);
        let mut trailer = [0; 4];
        let whole = self.file.read_exact(&mut self.body).is_ok()
            && self.file.read_exact(&mut trailer).is_ok()
            && u32::from_be_bytes(trailer) == 11 + len;
        if !whole {
            return Ok(None);
        }
        self.torn = false;
        self.end += 11 + u64::from(len) + 4;
        let timestamp = u32::from_be_bytes([header[7], header[4], header[5], header[6]]);
        Ok(Some((header[0], timestamp)))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;
    use crate::load::Mix;

    /// The recording of what a publisher sends, but for tags that `change` leaves out or moves.
    fn verdict(change: impl Fn(usize, u32) -> Option<u32>, cut: usize) -> Verdict {
        let media = Mix::Low.media(4096).unwrap();
        let (begin, messages) = (5, 2 * media.messages());
        let mut file = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
        for (index, sent) in media.sent(begin, messages).enumerate() {
            let Some(time) = change(index, sent.timestamp) else { continue };
            let len = u32::try_from(sent.body.len()).unwrap();
            let ([_, l2, l1, l0], [upper, t2, t1, t0]) = (len.to_be_bytes(), time.to_be_bytes());
            file.extend([sent.kind, l2, l1, l0, t2, t1, t0, upper, 0, 0, 0]);
            file.extend(sent.body);
            file.extend((11 + len).to_be_bytes());
        }
        file.truncate(file.len() - cut);
        let dir = tempdir();
        fs::create_dir_all(dir.join("live")).unwrap();
        fs::write(dir.join("live/load00003-20261122T114506Z.flv"), file).unwrap();
        let publishers = vec![Published {
            name: "load00003".to_owned(),
            begin,
            messages,
            head: 0,
            finished: Vec::new(),
        }];
        let time = Duration::ZERO;
        let report = Report { sent: Amount::default(), publishers, started: time, took: time };
        let verdict = verify(&dir, &report, &media, false).unwrap();
        fs::remove_dir_all(&dir).unwrap();
        verdict
    }

    fn tempdir() -> PathBuf {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        std::env::temp_dir().join(format!("verify-{}-{number}", std::process::id()))
    }

    #[test]
    fn what_is_there_is_there() {
        let all = verdict(|_, time| Some(time), 0);
        assert!(all.is_complete() && all.timed == all.sent.messages);
        let later = verdict(|_, time| Some(time + 7), 0);
        assert!(later.is_complete() && later.timed == later.sent.messages);
    }

    #[test]
    fn what_is_lost_or_late_is_found() {
        let lost = verdict(|index, time| (index != 9).then_some(time), 0);
        assert!(!lost.is_complete());
        assert_eq!(lost.kept.messages, lost.sent.messages - 1);
        let late = verdict(|index, time| Some(if index == 9 { time + 1 } else { time }), 0);
        assert!(late.is_complete());
        assert_eq!(late.timed, late.sent.messages - 1);
        let torn = verdict(|_, time| Some(time), 1);
        assert_eq!((torn.damaged, torn.kept.messages), (1, torn.sent.messages - 1));
    }
}
