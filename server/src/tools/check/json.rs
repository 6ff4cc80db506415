//! A report for programs. Names stay as they are; new ones may come.

use std::path::Path;

use serde_json::{Map, Value, json};
use sluicebox_core::flv::Kind;
use sluicebox_media::codec::{Audio, Video};
use sluicebox_media::file::End;
use sluicebox_media::report::{Damage, Jump, Metadata, Places, Report, Span, TrackReport};
use sluicebox_media::tracks::Parameters;

/// The report of a file as one object.
pub(crate) fn report(path: &Path, report: &Report) -> Value {
    json!({
        "file": path.display().to_string(),
        "sound": report.is_sound(),
        "end": end(report.end),
        "bytes": report.len,
        "header": report.header.map(|header| json!({
            "version": header.version,
            "announces_audio": header.flags & 4 != 0,
            "announces_video": header.flags & 1 != 0,
        })),
        "summary": report.summary,
        "seconds": report.seconds(),
        "first_timestamp": report.span.map(|span| span.first),
        "timestamp_wraps": report.wraps,
        "tags": report.all_tags(),
        "tags_by_kind": report.tags.iter().map(|(kind, count)| (kind.to_string(), json!(count)))
            .collect::<Map<_, _>>(),
        "damages": report.damages,
        "damage": report.damage.iter().map(damage).collect::<Vec<_>>(),
        "wrong_sizes": places(report.flaws.sizes),
        "stream_ids": places(report.flaws.streams),
        "unknown_tags": places(report.flaws.unknown),
        "encrypted_tags": places(report.flaws.filtered),
        "cut_tags": places(report.flaws.cut),
        "tracks": report.tracks.iter().map(track).collect::<Vec<_>>(),
        "metadata_tags": report.metadatas,
        "metadata": report.metadata.as_ref().map(metadata),
    })
}

fn end(end: End) -> Value {
    let kind = match end {
        End::Sound => "sound",
        End::TornTail { .. } => "torn",
        End::ZeroTail { .. } => "zeros",
        End::Broken { .. } => "broken",
    };
    json!({ "kind": kind, "offset": end.offset(), "text": end.to_string() })
}

fn damage(damage: &Damage) -> Value {
    json!({
        "offset": damage.what.offset(),
        "resumed": damage.resumed,
        "text": damage.what.to_string(),
    })
}

fn places(places: Places) -> Value {
    json!({ "count": places.count, "first": places.first })
}

fn track(track: &TrackReport) -> Value {
    let times = &track.times;
    json!({
        "kind": match track.kind { Kind::Video => "video", Kind::Audio => "audio" },
        "number": track.number,
        "codecs": track.codecs.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "parameters": track.parameters.as_ref().map_or(Value::Null, parameters),
        "frames": track.frames,
        "keyframes": track.keyframes,
        "keyframe_interval_ms": track.keyframe_interval,
        "frames_before_keyframe": track.frames_before_keyframe,
        "frames_before_header": track.frames_before_header,
        "sequence_headers": track.headers,
        "sequence_header_changes": track.header_changes,
        "bytes": track.bytes,
        "first_ms": times.span.map(|span| span.first),
        "seconds": times.span.map(Span::seconds),
        "frame_rate": track.frame_rate(),
        "bit_rate": track.bit_rate(),
        "gaps": times.gap_count,
        "gap": times.gaps.iter().map(jump).collect::<Vec<_>>(),
        "steps_back": times.backward_count,
        "step_back": times.backwards.iter().map(jump).collect::<Vec<_>>(),
    })
}

/// What is known of a track.
pub(crate) fn parameters(parameters: &Parameters) -> Value {
    match parameters {
        Parameters::Video(parameters) => video(parameters),
        Parameters::Audio(parameters) => audio(parameters),
        Parameters::Unknown => Value::Null,
    }
}

fn jump(jump: &Jump) -> Value {
    json!({ "offset": jump.offset, "from_ms": jump.from, "to_ms": jump.to })
}

fn video(video: &Video) -> Value {
    let (width, height) = video.size.unzip();
    json!({
        "profile": video.profile.map(|profile| profile.to_string()),
        "level": video.level,
        "width": width,
        "height": height,
        "frame_rate": video.rate.map(|rate| rate.per_second()),
        "bit_depth": video.bit_depth,
        "chroma": video.chroma.map(|chroma| chroma.to_string()),
    })
}

fn audio(audio: &Audio) -> Value {
    json!({
        "profile": audio.profile.map(|profile| profile.to_string()),
        "sample_rate": audio.rate,
        "channels": audio.channels,
        "bit_depth": audio.bit_depth,
    })
}

fn metadata(metadata: &Metadata) -> Value {
    let values = metadata.values.iter().map(|(name, value)| (name.clone(), json!(value)));
    let mismatches = metadata.mismatches.iter().map(
        |differs| json!({ "name": differs.name, "found": differs.found, "measured": differs.measured }),
    );
    json!({
        "values": values.collect::<Map<_, _>>(),
        "mismatches": mismatches.collect::<Vec<_>>(),
        "keyframe_index": { "entries": metadata.index.entries, "right": metadata.index.right },
    })
}
