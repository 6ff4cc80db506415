//! The commands that encoders send, ready-made.

use crate::amf::{self, Value};
use crate::wire::{Message, Script};

impl Script {
    /// `connect` as ffmpeg says it.
    #[must_use]
    pub fn connect(self, app: &str) -> Self {
        let parameters = Value::object([
            ("app", app.into()),
            ("type", "nonprivate".into()),
            ("flashVer", "FMLE/3.0 (compatible; scripted peer)".into()),
            ("tcUrl", format!("rtmp://127.0.0.1/{app}").as_str().into()),
        ]);
        self.command("connect", &[parameters])
    }

    /// `releaseStream`.
    #[must_use]
    pub fn release_stream(self, name: &str) -> Self {
        self.command("releaseStream", &[Value::Null, name.into()])
    }

    /// `FCPublish`.
    #[must_use]
    pub fn fc_publish(self, name: &str) -> Self {
        self.command("FCPublish", &[Value::Null, name.into()])
    }

    /// `createStream`.
    #[must_use]
    pub fn create_stream(self) -> Self {
        self.command("createStream", &[Value::Null])
    }

    /// `publish`, kind `live`, on message stream `stream`.
    #[must_use]
    pub fn publish(self, stream: u32, name: &str) -> Self {
        self.command_on(stream, 8, "publish", &[Value::Null, name.into(), "live".into()])
    }

    /// All commands up to `publish` on message stream 1, none waiting for an answer.
    #[must_use]
    pub fn to_publish(self, app: &str, name: &str) -> Self {
        self.connect(app).release_stream(name).fc_publish(name).create_stream().publish(1, name)
    }

    /// `FCUnpublish`.
    #[must_use]
    pub fn fc_unpublish(self, name: &str) -> Self {
        self.command("FCUnpublish", &[Value::Null, name.into()])
    }

    /// `deleteStream`.
    #[must_use]
    pub fn delete_stream(self, stream: f64) -> Self {
        self.command("deleteStream", &[Value::Null, stream.into()])
    }

    /// `closeStream`, sent on the stream that it closes.
    #[must_use]
    pub fn close_stream(self, stream: u32) -> Self {
        let body = amf::encode(&["closeStream".into(), 0.0.into(), Value::Null]);
        self.message(&Message::new(20, &body).on(8).stream(stream))
    }

    /// Any command on message stream 0.
    #[must_use]
    pub fn command(self, name: &str, arguments: &[Value]) -> Self {
        self.command_on(0, 3, name, arguments)
    }

    /// `@setDataFrame` with `onMetaData`.
    #[must_use]
    pub fn metadata<const N: usize>(self, pairs: [(&str, Value); N]) -> Self {
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value)).into();
        let values = ["@setDataFrame".into(), "onMetaData".into(), Value::EcmaArray(pairs)];
        self.message(&Message::new(18, &amf::encode(&values)).on(4).stream(1))
    }
}
