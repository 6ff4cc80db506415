//! What the behaviour tests are made of: a scripted peer that shares no code with the server, a
//! strict FLV reader, real encoders, and the server's own binary.
//!
//! Everything here panics with a message that helps when something is not as it should be.

/// AMF0 values: written for commands, read back from replies.
pub mod amf;
/// The commands that encoders send, ready-made.
pub mod commands;
/// What real clients were seen to do, in a table.
pub mod compatibility;
/// Chunks put together to messages again.
pub mod dechunk;
/// Disks that are full, hung or read-only.
pub mod disk;
/// Builds of ffmpeg.
pub mod ffmpeg;
/// FLV files, read strictly.
pub mod flv;
/// Any bytes through the core, with everything that must hold asserted on the way.
pub mod fuzz;
/// Any bytes as what encoders say of their codecs, and as files.
pub mod fuzz_media;
/// The client's side of the handshake, plain and with digests.
pub mod handshake;
/// Encodes made by ffmpeg, and recordings compared with them.
pub mod media;
/// One message of a client, and everything RTMP lets its sender choose.
mod message;
/// Another machine on a cable that can be cut.
pub mod network;
/// Packet captures, written.
pub mod pcap;
/// A scripted peer on a socket.
pub mod peer;
/// A proxy that keeps what a client sends.
pub mod proxy;
/// A client's bytes through the core, in any pieces.
pub mod replay;
/// What a server says to a client.
pub mod reply;
/// The core in the sandbox.
#[cfg(feature = "sandbox")]
pub mod sandboxed;
/// The server's binary, its log and its end.
pub mod server;
/// More than 4 GiB through one session.
pub mod soak;
/// A publisher whose recording must not have a hole.
pub mod steady;
/// The core, wherever it runs.
pub mod subject;
/// Other programs, bounded in time.
pub mod tool;
/// What came out of a session, in lines.
pub mod transcript;
/// Captured clients.
pub mod vector;
/// The bytes of a client, under full control.
pub mod wire;
