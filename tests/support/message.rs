//! One message of a client, and everything RTMP lets its sender choose.

/// One message, with the header its first chunk gets.
#[derive(Clone, Debug)]
pub struct Message {
    pub(crate) kind: u8,
    pub(crate) stream: u32,
    pub(crate) chunk_stream: u32,
    pub(crate) header: Header,
    pub(crate) basic: Basic,
    pub(crate) bare_type3: bool,
    pub(crate) body: Vec<u8>,
}

/// The chunk message header (RTMP 1.0, section 5.3.1.2), with what it says about time in ms.
#[derive(Clone, Copy, Debug)]
pub enum Header {
    /// Type 0, with a timestamp.
    Full(u32),
    /// Type 1, with a delta: without the message stream.
    Delta(u32),
    /// Type 2, with a delta: without length and message type as well.
    SameLength(u32),
    /// Type 3: nothing at all.
    Same,
}

/// The form of the basic header (RTMP 1.0, section 5.3.1.1).
#[derive(Clone, Copy, Debug, Default)]
pub enum Basic {
    /// The shortest that the chunk stream fits in.
    #[default]
    Shortest,
    /// Two bytes: chunk streams 64…319.
    Two,
    /// Three bytes: chunk streams 64…65599.
    Three,
}

impl Message {
    /// A message of this type, with a type 0 header and timestamp 0, on chunk stream 3.
    pub fn new(kind: u8, body: &[u8]) -> Self {
        Self {
            kind,
            stream: 0,
            chunk_stream: 3,
            header: Header::Full(0),
            basic: Basic::default(),
            bare_type3: false,
            body: body.to_vec(),
        }
    }

    /// A protocol control message (types 1…6).
    pub fn control(kind: u8, body: &[u8]) -> Self {
        Self::new(kind, body).on(2)
    }

    /// Audio, on message stream 1 and chunk stream 4.
    pub fn audio(timestamp: u32, body: &[u8]) -> Self {
        Self::new(8, body).on(4).stream(1).header(Header::Full(timestamp))
    }

    /// Video, on message stream 1 and chunk stream 6.
    pub fn video(timestamp: u32, body: &[u8]) -> Self {
        Self::new(9, body).on(6).stream(1).header(Header::Full(timestamp))
    }

    /// Sets the chunk stream.
    #[must_use]
    pub fn on(self, chunk_stream: u32) -> Self {
        Self { chunk_stream, ..self }
    }

    /// Sets the message stream.
    #[must_use]
    pub fn stream(self, stream: u32) -> Self {
        Self { stream, ..self }
    }

    /// Sets the type of the header, and the time in it.
    #[must_use]
    pub fn header(self, header: Header) -> Self {
        Self { header, ..self }
    }

    /// Sets the form of the basic header.
    #[must_use]
    pub fn basic(self, basic: Basic) -> Self {
        Self { basic, ..self }
    }

    /// Leaves the extended timestamp out of type 3 chunks, as old librtmp does.
    #[must_use]
    pub fn bare_type3(self) -> Self {
        Self { bare_type3: true, ..self }
    }

    pub(crate) fn basic_header(&self, format: u8) -> Vec<u8> {
        let format = format << 6;
        let above = self.chunk_stream.wrapping_sub(64).to_le_bytes();
        match (self.basic, self.chunk_stream) {
            (Basic::Shortest, 2..=63) => vec![format | self.chunk_stream.to_le_bytes()[0]],
            (Basic::Shortest | Basic::Two, 64..=319) => vec![format, above[0]],
            (Basic::Shortest | Basic::Three, 64..=65599) => vec![format | 1, above[0], above[1]],
            (basic, number) => {
                panic!("chunk stream {number} has no basic header of form {basic:?}")
            }
        }
    }
}
