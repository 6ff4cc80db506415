//! Encoders and relays that people publish with, each as it is: what they send must be in the
//! recording, every packet, with its timestamp and its digest.
//!
//! Those that Debian's ffmpeg and GStreamer push are in `live` and `gstreamer`.

/// A current ffmpeg: codecs by FourCC, several tracks, colours.
mod enhanced;
/// librtmp itself.
mod librtmp;
/// nginx as a relay.
mod nginx;
/// OBS Studio.
mod obs;
/// A library in Rust.
mod rust;
