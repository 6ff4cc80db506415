//! How Sluicebox behaves, seen from outside: one binary, a module per kind of peer.

/// The core, fed with synthetic sessions: every quirk, every limit, every cut.
mod core;

/// What the encoders of the tests are told.
mod encodes;

/// The scripted peer, and the readers that judge the server, tried on each other.
mod script;

/// Dialogues with a scripted peer: commands, chunks and handshakes in all their forms.
mod dialogue;
/// Messages that are larger than usual, in all the ways that they may come.
mod large;
/// Captured clients, replayed whole, byte by byte and in random pieces.
mod vectors;

/// Who may connect, for how long, and what becomes of the others.
mod access;
/// The same name again: publishers that are lost and come back, and others that want their place.
mod again;
/// Names on the wire, and the files they become.
mod names;

/// Servers that are told to stop, and let their publishers go.
mod drain;
/// Streams that go elsewhere beside their recordings.
mod sinks;
/// What follows from recordings: events, sidecars, programs, deletion.
mod after;
/// Peers and servers that are killed, cut off, or go silent.
mod crash;
/// Disks and pipes that are slow, full, hung, read-only or gone.
mod disk;
/// Finished files: duration, index, names.
mod finish;
/// Recordings in several files.
mod segments;
/// What crashes leave, and what becomes of it.
mod repair;
/// A day of media in seconds.
mod longrun;
/// Encoders, libraries and relays besides: what each sends, and what it shows of a refusal.
mod clients;
/// GStreamer as publisher, by its own RTMP code and by librtmp.
mod gstreamer;
/// ffmpeg as publisher: every frame, every digest, every timestamp.
mod live;
/// One stream, and its end as an exit code; recordings into pipes.
mod pipes;
/// Logs that nobody reads, or that are closed.
mod logs;

/// The tools beside the server.
mod tools;

/// The sandbox: guests that mean harm, and what becomes of everything around them.
mod sandbox;
