//! The core, fed with synthetic sessions: every quirk, every limit, every cut.

/// Bytes in, everything out, in a form that tests compare.
mod run;

/// Messages between the chunks of others, and messages taken back.
mod interleave;
/// Chunk headers as encoders send them.
mod quirks_chunk;
/// What peers say they can, and what they are answered.
mod capabilities;
/// Handshake and commands as encoders send them.
mod quirks_connect;
/// Control messages and aggregates as encoders send them.
mod quirks_control;
/// Codecs and packets, in the forms of FLV and of Enhanced RTMP.
mod quirks_codec;
/// Audio, video and data as encoders send them.
mod quirks_media;
/// Codecs by FourCC as encoders send them.
mod quirks_enhanced;
/// Names, refusals and ends as encoders send and need them.
mod quirks_session;

/// The seeds of the fuzz targets.
mod corpus;
/// The same output for any cut of the input.
mod cut;
/// What each synthetic session must give, and the quirk it is of.
mod golden;
/// What is said, in which order.
mod dialogue;
/// Rare orders of events, each of which once went wrong.
mod edges;
/// Bytes that no encoder means.
mod hostile;
/// Each limit, and what a peer can make a session hold.
mod limits;
/// Sessions made up at random, and what each must record.
mod plan;

/// Every synthetic session, by name.
fn scenarios() -> impl Iterator<Item = run::Scenario> {
    let all = [
        quirks_connect::SCENARIOS,
        capabilities::SCENARIOS,
        quirks_session::SCENARIOS,
        quirks_chunk::SCENARIOS,
        interleave::SCENARIOS,
        quirks_control::SCENARIOS,
        quirks_media::SCENARIOS,
        quirks_codec::SCENARIOS,
        quirks_enhanced::SCENARIOS,
        edges::SCENARIOS,
    ];
    all.into_iter().flatten().copied()
}
