//! What a session may be told, and what a peer may ask of it.

/// Settings of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// What a peer may ask of this session.
    pub limits: Limits,
    /// Chunk size announced to the peer, in bytes. ffmpeg adopts what the server announces, and
    /// larger chunks cost both sides less.
    pub chunk_size: u32,
    /// Window announced to the peer, in bytes. Half of it may come unacknowledged: see
    /// [`Session::idle`](crate::Session::idle).
    pub window: u32,
    /// How a type 3 chunk that starts a message right after a type 0 header is read.
    pub type3: Type3,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            chunk_size: 65_536,
            // So much that nobody ever waits for an acknowledgement; ffmpeg takes up to 2^31 - 1.
            window: 1 << 30,
            type3: Type3::default(),
        }
    }
}

/// The timestamp of a message that a type 3 chunk starts right after a type 0 header.
///
/// RTMP 1.0, section 5.3.1.2.4, takes the type 0 timestamp as the delta. Old librtmp, and OBS
/// until May 2024, mean that the timestamp is the same. After a type 1 or 2 header all agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Type3 {
    /// As specified, until a delta would be a gap longer than ten seconds: nobody sends type 3
    /// after type 0 for such a gap on purpose. From there on, [`Type3::Same`].
    #[default]
    Detect,
    /// As specified: the timestamp once more.
    Delta,
    /// The same timestamp.
    Same,
}

/// Bounds on what a peer may ask, each with a default that real encoders stay under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest message, in bytes. The protocol's maximum: keyframes of 6 MB are real.
    pub message: u32,
    /// Longest command or control message, in bytes. A `connect` with long tokens takes some 2 KiB.
    pub command: u32,
    /// All unfinished messages of the connection together, in bytes: two of the longest.
    pub buffered: usize,
    /// Chunk streams remembered at a time. Every one of 2…65599 is legal, encoders use up to ten.
    /// When one more comes, the one unused for longest is forgotten; when all are in the middle of
    /// a message, the connection ends.
    pub chunk_streams: usize,
    /// Largest chunk size taken from the peer, in bytes; more is read as this. No message is longer.
    pub chunk_size: u32,
    /// Smallest chunk size taken from the peer, in bytes: the bound on the work a byte can cost.
    /// The specification allows 1 and the cost stays linear, so the default does too.
    pub smallest_chunk: u32,
    /// Message streams per connection. Encoders use one; relays a few.
    pub streams: usize,
    /// Bytes held of a stream on which media comes before `publish`: sequence headers, usually.
    pub early: usize,
    /// Nesting of values in a command. Real ones go two deep.
    pub amf_depth: u8,
    /// Values in one command, nested ones counted. A `connect` has about twenty.
    pub amf_values: u32,
    /// Messages in one aggregate.
    pub aggregate: u32,
}

impl Limits {
    /// The longest message, and so the largest useful chunk, that RTMP can express.
    pub const MAX_MESSAGE: u32 = 0xff_ffff;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: Self::MAX_MESSAGE,
            command: 64 << 10,
            buffered: 32 << 20,
            chunk_streams: 128,
            chunk_size: Self::MAX_MESSAGE,
            smallest_chunk: 1,
            streams: 16,
            early: 64 << 10,
            amf_depth: 16,
            amf_values: 4096,
            aggregate: 4096,
        }
    }
}
