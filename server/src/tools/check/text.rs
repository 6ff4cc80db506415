//! A report for people.

use std::io::{self, Write};
use std::path::Path;

use sluicebox_core::Text;
use sluicebox_core::flv::{AUDIO, Kind, SCRIPT, VIDEO};
use sluicebox_media::file::End;
use sluicebox_media::report::{Jump, Metadata, Places, Report, TrackReport};
use sluicebox_media::tracks::Parameters;

/// Places of one sort that are shown.
const SHOWN: usize = 5;

/// Writes the report of a file: a line that says whether it is sound, and what is in it.
pub(super) fn write(out: &mut impl Write, path: &Path, report: &Report) -> io::Result<()> {
    let verdict = if report.is_sound() { "sound" } else { "NOT SOUND" };
    writeln!(out, "{}: {verdict}", Text(path.as_os_str().as_encoded_bytes()))?;
    if report.len == 0 {
        return line(out, "structure", "empty: not a byte");
    }
    structure(out, report)?;
    if report.header.is_none() {
        return Ok(());
    }
    let count = |kind| report.tags.get(&kind).copied().unwrap_or_default();
    let (audio, video, script) = (count(AUDIO), count(VIDEO), count(SCRIPT));
    let tags = format!(
        "{} bytes, {} tags ({video} video, {audio} audio, {script} script), {:.3} s",
        report.len,
        report.all_tags(),
        report.seconds(),
    );
    line(out, "content", &tags)?;
    for track in &report.tracks {
        self::track(out, track)?;
    }
    if let Some(span) = report.span.filter(|span| span.first != 0) {
        line(out, "start", &format!("timestamps begin at {:.3} s", seconds(span.first)))?;
    }
    if report.wraps > 0 {
        line(
            out,
            "wrap",
            &format!("timestamps begin again at 0 after 2^32 ms, {} times", report.wraps),
        )?;
    }
    match &report.metadata {
        Some(metadata) => self::metadata(out, metadata, report.metadatas),
        None => line(out, "metadata", "none"),
    }
}

/// What is wrong with the structure, and what deviates.
fn structure(out: &mut impl Write, report: &Report) -> io::Result<()> {
    for damage in report.damage.iter().take(SHOWN) {
        let len = damage.resumed - damage.what.offset().unwrap_or_default();
        let text = format!("{}: {len} bytes, tags go on at byte {}", damage.what, damage.resumed);
        line(out, "damage", &text)?;
    }
    more(out, "damage", report.damages)?;
    if report.end != End::Sound {
        let whole = report.end.offset().unwrap_or_default();
        line(out, "end", &format!("{}; {} bytes from there on", report.end, report.len - whole))?;
    }
    if let Some(header) = report.header {
        let (audio, video) = (header.flags & 4 != 0, header.flags & 1 != 0);
        let has = |kind| report.tags.contains_key(&kind);
        if header.version != 1 {
            line(out, "header", &format!("version {}", header.version))?;
        }
        if header.first_size != 0 {
            line(out, "header", &format!("the first PreviousTagSize is {}", header.first_size))?;
        }
        if (has(AUDIO) && !audio) || (has(VIDEO) && !video) {
            line(out, "header", "does not announce all that is there: a hint only")?;
        }
    }
    let flaws = &report.flaws;
    for (places, what) in [
        (flaws.sizes, "with a wrong PreviousTagSize"),
        (flaws.streams, "with a StreamID that is not 0"),
        (flaws.unknown, "of unknown kind"),
        (flaws.filtered, "encrypted"),
        (flaws.cut, "whose own headers are cut off"),
    ] {
        let Places { count, first: Some(first) } = places else { continue };
        line(out, "tags", &format!("{count} {what}, the first at byte {first}"))?;
    }
    Ok(())
}

fn track(out: &mut impl Write, track: &TrackReport) -> io::Result<()> {
    let kind = match track.kind {
        Kind::Video => "video",
        Kind::Audio => "audio",
    };
    let name = if track.number == 0 { kind.into() } else { format!("{kind} {}", track.number) };
    let mut text: Vec<String> =
        vec![track.codecs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", then ")];
    if let Some(parameters) = &track.parameters {
        text.extend(Some(parameters.to_string()).filter(|text| !text.is_empty()));
        if let Parameters::Video(video) = parameters {
            text.extend(video.level.as_ref().map(|level| format!("level {level}")));
        }
    }
    line(out, &name, &text.join(" "))?;

    let mut counts = vec![format!("{} frames", track.frames)];
    if track.kind == Kind::Video {
        let apart = seconds(track.keyframe_interval);
        let keyframes = match track.keyframes {
            many @ 2.. => format!("{many} keyframes, at most {apart:.3} s apart"),
            few => format!("{few} keyframes"),
        };
        counts.push(keyframes);
    }
    if let Some(span) = track.times.span {
        counts.push(format!("{:.3} s", span.seconds()));
    }
    counts.extend(track.frame_rate().map(|rate| format!("{rate:.2} a second")));
    counts.extend(track.bit_rate().map(|rate| format!("{:.3} Mbit/s", rate / 1e6)));
    if track.header_changes > 0 {
        counts.push(format!("sequence header changes {} times", track.header_changes));
    }
    line(out, "", &counts.join(", "))?;
    for (count, what) in [
        (track.frames_before_keyframe, "before the first keyframe"),
        (track.frames_before_header, "before the first sequence header"),
    ] {
        if count > 0 {
            line(out, "", &format!("{count} frames {what}"))?;
        }
    }
    jumps(out, "gap", &track.times.gaps, track.times.gap_count)?;
    jumps(out, "step back", &track.times.backwards, track.times.backward_count)
}

fn jumps(out: &mut impl Write, what: &str, jumps: &[Jump], count: u64) -> io::Result<()> {
    for jump in jumps.iter().take(SHOWN) {
        let note = if jump.is_24_bit_wrap() { ": the upper byte is missing" } else { "" };
        let text = format!(
            "{what} of {:.3} s at byte {}, from {:.3} s to {:.3} s{note}",
            seconds((jump.to - jump.from).abs()),
            jump.offset,
            seconds(jump.from),
            seconds(jump.to),
        );
        line(out, "", &text)?;
    }
    more(out, "", count)
}

fn metadata(out: &mut impl Write, metadata: &Metadata, count: u64) -> io::Result<()> {
    let values: Vec<String> =
        metadata.values.iter().map(|(name, value)| format!("{name}={value}")).collect();
    line(out, "metadata", &values.join(" "))?;
    if count > 1 {
        line(out, "", &format!("{count} in all; this is the first"))?;
    }
    for differs in &metadata.mismatches {
        let text = format!("{} is {}, measured: {}", differs.name, differs.found, differs.measured);
        line(out, "", &text)?;
    }
    let index = &metadata.index;
    if index.entries > 0 {
        let text = format!("index of {} places, {} of them as it says", index.entries, index.right);
        line(out, "", &text)?;
    }
    Ok(())
}

/// Says how many there are that are not shown.
fn more(out: &mut impl Write, name: &str, count: u64) -> io::Result<()> {
    match count.checked_sub(SHOWN as u64) {
        Some(rest) if rest > 0 => line(out, name, &format!("and {rest} more")),
        _ => Ok(()),
    }
}

fn line(out: &mut impl Write, name: &str, text: &str) -> io::Result<()> {
    writeln!(out, "  {name:<9} {text}")
}

#[expect(clippy::cast_precision_loss, reason = "for people, with three decimals")]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}
