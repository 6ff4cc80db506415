//! How recordings are written.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};

use super::parse::{seconds, size, size_up_to};
use crate::recording::{OnWriteError, Segments, Settings, Sync, Template};
use crate::shutdown::Stop;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Recordings")]
pub(super) struct RecordingFlags {
    /// Names of recordings in the folder: {app} {stream} {start:%Y…} {published:%Y…} {segment:04} {addr}
    /// {session}
    #[arg(long, value_name = "TEMPLATE", env = "SLUICEBOX_PATH",
          default_value = "{app}/{stream}-{start:%Y%m%dT%H%M%SZ}.flv", value_parser = Template::parse)]
    path: Template,

    /// A recording has .part behind its name until it is finished
    #[arg(long, env = "SLUICEBOX_PART", value_parser = FalseyValueParser::new())]
    part: bool,

    /// Bytes as they came: no duration, no index, nothing added
    #[arg(long, env = "SLUICEBOX_RAW", value_parser = FalseyValueParser::new())]
    raw: bool,

    /// Entries that the index of keyframes has room for
    #[arg(long, value_name = "N", env = "SLUICEBOX_INDEX", default_value_t = 10_800,
          value_parser = clap::value_parser!(u32).range(16..=400_000))]
    index: u32,

    /// Begin a new file at the first keyframe after so many seconds of media
    #[arg(long, value_name = "S", env = "SLUICEBOX_SEGMENT_TIME", value_parser = seconds)]
    segment_time: Option<Duration>,

    /// Begin a new file at the first keyframe after so many bytes
    #[arg(long, value_name = "SIZE", env = "SLUICEBOX_SEGMENT_SIZE",
          value_parser = size_up_to::<u64>(u64::MAX))]
    segment_size: Option<u64>,

    /// Timestamps of the files of a recording with several
    #[arg(
        long,
        value_name = "HOW",
        env = "SLUICEBOX_SEGMENT_TIMESTAMPS",
        default_value = "rebase"
    )]
    segment_timestamps: SegmentTimestamps,

    /// How long tags may wait in memory to be written together, in milliseconds; 0: what one read brings
    /// is written at once
    #[arg(long, value_name = "MS", env = "SLUICEBOX_FLUSH", default_value_t = 0,
          value_parser = clap::value_parser!(u32).range(0..=60_000))]
    flush: u32,

    /// When what was written has to be on the disk
    #[arg(long, value_name = "WHEN", env = "SLUICEBOX_FSYNC", default_value = "none")]
    fsync: Fsync,

    /// Time between two syncs with --fsync interval, in seconds
    #[arg(long, value_name = "S", env = "SLUICEBOX_FSYNC_INTERVAL", default_value = "1",
          value_parser = seconds)]
    fsync_interval: Duration,

    /// Bytes that have to stay free on the disk: with less, it counts as full
    #[arg(long, value_name = "SIZE", env = "SLUICEBOX_MIN_FREE", default_value_t = 0, value_parser = size)]
    min_free: u64,

    /// What to do when a file takes no more
    #[arg(long, value_name = "WHAT", env = "SLUICEBOX_ON_WRITE_ERROR", default_value = "stop")]
    on_write_error: OnWriteError,
}

/// Timestamps of the files of a recording with several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SegmentTimestamps {
    /// Every file begins at 0
    Rebase,
    /// As they were sent
    Keep,
}

/// When what was written has to be on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Fsync {
    /// When the system sees fit
    None,
    /// When a file is finished
    Close,
    /// At each keyframe all that was before it, and when a file is finished
    Keyframe,
    /// Every --fsync-interval, and when a file is finished
    Interval,
}

impl RecordingFlags {
    pub(super) fn settings(
        &self,
        folder: PathBuf,
        output: Option<PathBuf>,
        stop: &'static Stop,
    ) -> Settings {
        let time = self.segment_time.map(|time| time.as_secs_f64() * 1000.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "less than a year"
        )]
        let time = time.map(|time| time as u64);
        let several = time.is_some() || self.segment_size.is_some();
        let rebase = several && self.segment_timestamps == SegmentTimestamps::Rebase;
        Settings {
            folder,
            output,
            path: self.path.clone(),
            part: self.part,
            raw: self.raw,
            index: self.index as usize,
            segments: Segments { time, size: self.segment_size, rebase },
            flush: Duration::from_millis(self.flush.into()),
            sync: match self.fsync {
                Fsync::None => Sync::None,
                Fsync::Close => Sync::Close,
                Fsync::Keyframe => Sync::Keyframe,
                Fsync::Interval => Sync::Interval(self.fsync_interval),
            },
            min_free: self.min_free,
            on_write_error: self.on_write_error,
            presence: Arc::default(),
            stop,
        }
    }
}
