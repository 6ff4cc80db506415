//! What a server says to a client.

use crate::amf::{self, Value};
use crate::dechunk::{self, Message};
use crate::handshake::PART;

/// A message from the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply(pub Message);

/// A command from the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// `_result`, `onStatus`, ….
    pub name: String,
    /// The transaction it answers, or 0.
    pub transaction: f64,
    /// Everything behind that: a command object or null first.
    pub arguments: Vec<Value>,
}

/// The messages behind S0S1S2 in everything a server sent. What is not whole is left out.
pub fn parse_replies(bytes: &[u8]) -> Vec<Reply> {
    let chunks = bytes.get(1 + 2 * PART..).unwrap_or_default();
    dechunk::messages(chunks).into_iter().map(Reply).collect()
}

impl Reply {
    /// The command in it, if it is one.
    pub fn command(&self) -> Option<Command> {
        if self.0.kind != 20 {
            return None;
        }
        let mut values = amf::decode(&self.0.body).into_iter();
        let name = values.next()?.text()?.to_owned();
        let transaction = values.next()?.number()?;
        Some(Command { name, transaction, arguments: values.collect() })
    }

    /// The `code` of an `onStatus`, `_result` or `_error`.
    pub fn code(&self) -> Option<String> {
        let command = self.command()?;
        let code = command.arguments.iter().find_map(|value| value.get("code"))?;
        Some(code.text()?.to_owned())
    }

    /// Whether it is this command.
    pub fn is(&self, name: &str) -> bool {
        self.command().is_some_and(|command| command.name == name)
    }

    /// Whether it is the answer to the ping with this time.
    pub fn is_pong(&self, time: u32) -> bool {
        self.0.kind == 4 && self.0.body == [&[0, 7][..], &time.to_be_bytes()].concat()
    }
}
