//! Vectors: what real encoders sent, and the tags that a recording of it must have.

use std::path::{Path, PathBuf};

use crate::amf;
use crate::dechunk;
use crate::flv::Tag;
use crate::handshake::PART;

/// A folder of `vectors/`.
pub struct Vector {
    /// The folder's name.
    pub name: String,
    /// All bytes of the client.
    pub bytes: Vec<u8>,
    /// The lines of `tags.txt`.
    pub tags: Vec<String>,
}

/// All vectors, by name.
pub fn all() -> Vec<Vector> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let entries = std::fs::read_dir(&root).unwrap_or_else(|error| panic!("{root:?}: {error}"));
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.expect("a folder can be listed").path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders.iter().map(|folder| Vector::read(folder)).collect()
}

impl Vector {
    fn read(folder: &Path) -> Self {
        let file = |name: &str| {
            let path = folder.join(name);
            std::fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
        };
        let tags = String::from_utf8(file("tags.txt")).expect("tags.txt is text");
        let name = folder.file_name().expect("a folder has a name").to_string_lossy();
        Self {
            name: name.into_owned(),
            bytes: file("in.bin"),
            tags: tags.lines().map(str::to_owned).collect(),
        }
    }
}

/// Keeps what a client sent in a test as a vector to be, in the folder that `SLUICEBOX_TESTS_KEEP`
/// names: for clients that only a test can drive.
pub fn keep(name: &str, bytes: &[u8]) {
    let Some(folder) = std::env::var_os("SLUICEBOX_TESTS_KEEP") else { return };
    let folder = Path::new(&folder).join(name);
    std::fs::create_dir_all(&folder).expect("a folder for a vector");
    std::fs::write(folder.join("in.bin"), bytes).expect("a vector can be written");
}

/// The tags that a recording of a client's bytes must have: all audio, video and data messages,
/// in order, `@setDataFrame` left out. Read with nothing of the core.
pub fn expected_tags(client: &[u8]) -> Vec<Tag> {
    let messages = dechunk::messages(&client[1 + 2 * PART..]);
    let media = messages.into_iter().filter(|message| [8, 9, 18].contains(&message.kind));
    media.map(tag).collect()
}

fn tag(message: dechunk::Message) -> Tag {
    let prefix = amf::encode(&["@setDataFrame".into()]);
    let body = message.body.strip_prefix(prefix.as_slice()).filter(|_| message.kind == 18);
    Tag {
        kind: message.kind,
        timestamp: message.timestamp,
        body: body.unwrap_or(&message.body).to_vec(),
    }
}
