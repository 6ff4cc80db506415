//! `NAME.json` beside a finished file: what is in it, where it came from, and its account.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sluicebox_core::Tally;
use sluicebox_core::flv::Kind;
use sluicebox_media::report;
use sluicebox_media::tracks::Track;
use sluicebox_rules::account::Account;

use crate::closing::Closed;
use crate::recording::{Origin, Recovered};
use crate::tools::check::json as check;

/// Who ended a file that was finished after a crash.
pub(crate) const CRASH: &str = "crash";

/// What goes into a sidecar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Detail {
    /// No sidecar
    None,
    /// What is known when the file is closed
    Account,
    /// Its report as well: the file is read once more
    Report,
}

/// What every sidecar of ours has: by it, a file is known to be a recording of ours.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The version that wrote it.
    pub(crate) sluicebox: String,
    /// The name of the file that it lies beside.
    pub(crate) file: String,
    /// Length of that, in bytes.
    pub(crate) bytes: u64,
    /// When it was finished.
    pub(crate) ended: jiff::Timestamp,
}

/// The path of a recording's sidecar: with `.json` in the place of `.flv`, or behind another extension,
/// so that no two recordings have the same.
pub(crate) fn path_of(recording: &Path) -> PathBuf {
    if recording.extension().is_some_and(|extension| extension == "flv") {
        return recording.with_extension("json");
    }
    let mut name = recording.as_os_str().to_owned();
    name.push(".json");
    name.into()
}

impl Mark {
    /// Whether it is that of this recording, as long as it is.
    pub(crate) fn is_of(&self, recording: &Path, bytes: u64) -> bool {
        recording.file_name().is_some_and(|name| name.to_string_lossy() == self.file)
            && self.bytes == bytes
    }
}

/// Reads a sidecar, and its mark. None: it is none of ours.
pub(crate) fn read(path: &Path) -> Option<(Mark, Value)> {
    // Longer than any of ours.
    const MOST: u64 = 16 << 20;
    let mut text = Vec::new();
    File::open(path).ok()?.take(MOST).read_to_end(&mut text).ok()?;
    parse(serde_json::from_slice(&text).ok()?)
}

/// The mark of what a sidecar says.
pub(crate) fn parse(content: Value) -> Option<(Mark, Value)> {
    Some((Mark::deserialize(&content).ok()?, content))
}

/// Adds what the file has to be read once more for.
///
/// # Errors
///
/// When it cannot be.
pub(crate) fn add(
    recording: &Path,
    content: &mut Value,
    detail: Detail,
    digest: bool,
) -> Result<()> {
    if detail == Detail::Report {
        let (report, sha256) = read_back(recording, digest)
            .with_context(|| format!("cannot read {} back", recording.display()))?;
        content["report"] = check::report(recording, &report);
        content["sha256"] = json!(sha256);
    } else if digest {
        content["sha256"] = json!(digest_of(recording)?);
    }
    Ok(())
}

/// Writes the sidecar of a file, whole or not at all, and never over anything. Returns its path.
///
/// # Errors
///
/// When it cannot be written, and when there is a file of that name.
pub(crate) fn write(recording: &Path, content: &Value) -> Result<PathBuf> {
    let path = path_of(recording);
    save(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

fn mark(recording: &Path, bytes: u64, ended: jiff::Timestamp) -> Result<Value> {
    let name = recording.file_name().context("a recording without a name")?;
    let file = name.to_string_lossy().into_owned();
    let mark = Mark { sluicebox: env!("CARGO_PKG_VERSION").into(), file, bytes, ended };
    Ok(serde_json::to_value(mark)?)
}

/// The same of a file that was left. What its publisher sent and lost, nobody knows any more.
///
/// # Errors
///
/// As [`content`].
pub(crate) fn content_of_recovered(recovered: &Recovered) -> Result<Value> {
    let mut content = mark(&recovered.path, recovered.len, recovered.ended)?;
    if let Some(Origin { about, started, .. }) = &recovered.origin {
        extend(
            &mut content,
            json!({
                "app": about.app,
                "stream": about.stream,
                "session": about.session,
                "peer": about.peer,
                "started": started,
            }),
        );
    }
    extend(
        &mut content,
        json!({
            "segment": recovered.segment,
            "seconds": seconds(recovered.duration),
            "messages": tally(recovered.tally),
            "codecs": recovered.tracks.to_string(),
            "tracks": tracks(recovered.tracks.iter()),
            "why": (!recovered.finished).then_some(CRASH),
            "account": null,
        }),
    );
    if !recovered.finished {
        content["repaired"] = json!({
            "tags": recovered.tags,
            "bytes_cut": recovered.cut,
            "end": recovered.end,
        });
    }
    Ok(content)
}

fn extend(content: &mut Value, more: Value) {
    if let (Value::Object(content), Value::Object(more)) = (content, more) {
        content.extend(more);
    }
}

fn tracks<'a>(tracks: impl Iterator<Item = &'a Track>) -> Value {
    let track = |track: &Track| {
        json!({
            "kind": match track.kind { Kind::Video => "video", Kind::Audio => "audio" },
            "number": track.number,
            "codec": track.codec.to_string(),
            "parameters": check::parameters(&track.parameters),
        })
    };
    tracks.map(track).collect()
}

/// What is known of a file that its recording has finished.
///
/// # Errors
///
/// When it has no name.
pub(crate) fn content(closed: &Closed) -> Result<Value> {
    let segment = &closed.segment;
    let mut content = mark(&segment.path, segment.len, segment.ended)?;
    let more = json!({
        "app": closed.about.app,
        "stream": closed.about.stream,
        "session": closed.about.session,
        "peer": closed.about.peer,
        "segment": segment.number,
        "started": segment.began,
        "seconds": seconds(segment.duration),
        "messages": tally(segment.tally),
        "codecs": closed.codecs,
        "tracks": tracks(closed.tracks.iter()),
        "publishers": closed.parts,
        "sinks": closed.sinks.iter().map(|(name, dropped, missed)| json!({
            "sink": name, "dropped": dropped, "complete": !missed,
        })).collect::<Vec<_>>(),
        "why": closed.account.map(|_| closed.why),
        "account": closed.account.as_ref().map(account),
    });
    extend(&mut content, more);
    Ok(content)
}

/// The account of a whole stream.
fn account(account: &Account) -> Value {
    let ledger = &account.ledger;
    let refused = &ledger.refused;
    json!({
        "received": tally(ledger.received),
        "written": tally(account.recorded),
        "unwrapped_bytes": ledger.unwrapped,
        "refused": {
            "aborted": tally(refused.aborted),
            "torn": tally(refused.torn),
            "early": tally(refused.early),
            "foreign": tally(refused.foreign),
        },
        "complete": account.complete(),
    })
}

fn tally(tally: Tally) -> Value {
    json!({ "count": tally.messages, "bytes": tally.bytes })
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a recording")]
pub(crate) fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}

/// Reads a file once, for its report and its digest.
fn read_back(path: &Path, digest: bool) -> io::Result<(report::Report, Option<String>)> {
    let hash = digest.then(Sha256::new);
    let mut input = Hashed { file: File::open(path)?, hash };
    let report = report::read(BufReader::with_capacity(256 << 10, &mut input))?;
    io::copy(&mut input, &mut io::sink())?;
    Ok((report, input.hash.map(hex)))
}

fn digest_of(path: &Path) -> Result<String> {
    let read = || {
        let mut input = Hashed { file: File::open(path)?, hash: Some(Sha256::new()) };
        io::copy(&mut input, &mut io::sink())?;
        io::Result::Ok(input.hash.map(hex).unwrap_or_default())
    };
    read().with_context(|| format!("cannot read {} back", path.display()))
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file, and the digest of what was read of it.
struct Hashed {
    file: File,
    hash: Option<Sha256>,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.file.read(buffer)?;
        if let Some(hash) = &mut self.hash {
            hash.update(&buffer[..len]);
        }
        Ok(len)
    }
}

fn save(path: &Path, content: &Value) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(content)?;
    text.push(b'\n');
    let temporary = path.with_extension("json.part");
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(&text)?;
        file.sync_all()?;
        if path.symlink_metadata().is_ok() {
            bail!("there is a file of that name");
        }
        fs::rename(&temporary, path)?;
        Ok(())
    };
    write().inspect_err(|_| {
        // Half of it is of no use to anybody.
        let _ = fs::remove_file(&temporary);
    })
}
