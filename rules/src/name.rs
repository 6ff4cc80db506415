//! File names of what peers say: a publish point, and a path that cannot leave the record folder.
//!
//! # From URL to publish point
//!
//! Encoders cut the same URL at different places, so application and stream name are put together
//! and cut again: everything but the last part is the application. Query strings are cut off
//! wherever they are, a media prefix (`mp4:`, `flv:`) at the start of the name or of its last part is
//! dropped, empty parts do not count.
//!
//! | application | stream name | publish point |
//! |---|---|---|
//! | `live` | `cam?token=1` | `live` / `cam` |
//! | `live/eu/` | `/cam` | `live/eu` / `cam` |
//! | `live` | `eu/cam` | `live/eu` / `cam` |
//! | `live?token=1` | `mp4:cam` | `live` / `cam` |
//! | `live` | (empty) | `live` / `@` |
//!
//! # From publish point to path
//!
//! ASCII letters, digits, `-`, `_` and `.` stay; every other byte becomes `%XX`, as in a URL, and
//! can be read back the same way. So do a `.` at either end, a `-` at the start, the first letter of
//! names that are
//! devices on Windows (`CON`, `NUL`, `COM1` …). `@` alone stands for an empty name. A part longer
//! than 120 bytes is cut and ends in `~` and 16 hexadecimal digits of its SHA-256; beyond eight
//! parts the last ones are joined by `%2F`. Two publish points never have the same path.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use sha2::{Digest as _, Sha256};
use sluicebox_core::Text;

/// Longest part of a path, in bytes: with the start time and `.flv` it stays under the 255 that
/// file systems allow.
const PART: usize = 120;
/// Most parts of a path, the stream's too.
const PARTS: usize = 8;

/// Where somebody publishes: application and stream, in parts, as bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PublishPoint {
    /// The parts of the application: all but the last.
    app: Vec<Vec<u8>>,
    stream: Vec<u8>,
}

impl PublishPoint {
    /// Cuts what a peer sent. `tc_url` counts only when there is no application.
    pub fn new(app: Text<'_>, tc_url: Text<'_>, name: Text<'_>) -> Self {
        let app = without_query(app.as_bytes());
        let app = if app.is_empty() { path_of(tc_url.as_bytes()) } else { app };
        let name = without_prefix(without_query(name.as_bytes()));
        let parts = |bytes: &[u8]| {
            let parts = bytes.split(|byte| *byte == b'/').filter(|part| !part.is_empty());
            parts.map(<[u8]>::to_vec).collect::<Vec<_>>()
        };
        let mut app = parts(app);
        let mut rest = parts(name);
        // A name without a part is an empty stream key, which OBS allows.
        let stream = rest.pop().unwrap_or_default();
        let stream = without_prefix(&stream).to_vec();
        app.append(&mut rest);
        Self { app, stream }
    }

    /// The application, its parts joined by `/`: safe to show.
    pub fn app(&self) -> String {
        Text(&self.app.join(&b'/')).to_string()
    }

    /// The stream: safe to show.
    pub fn stream(&self) -> String {
        Text(&self.stream).to_string()
    }

    /// A relative path for the recordings of this publish point, its parts joined by `/`, without the
    /// start time and extension. At least two parts, none of which is empty, `.` or `..`.
    pub fn path(&self) -> String {
        let mut parts = self.app.clone();
        if parts.is_empty() {
            parts.push(Vec::new());
        }
        parts.push(self.stream.clone());
        if parts.len() > PARTS {
            let joined = parts.split_off(PARTS - 1).join(&b'/');
            parts.push(joined);
        }
        parts.iter().map(|part| safe(part)).collect::<Vec<_>>().join("/")
    }
}

impl fmt::Display for PublishPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.app(), self.stream())
    }
}

fn without_query(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == b'?').next().unwrap_or_default()
}

/// Drops the media prefix that Flash Media Server and Wowza use.
fn without_prefix(name: &[u8]) -> &[u8] {
    [&b"mp4:"[..], b"flv:", b"f4v:", b"mp3:"]
        .iter()
        .find_map(|prefix| name.strip_prefix(*prefix))
        .unwrap_or(name)
}

/// The path of a URL, quoted or not, or nothing.
fn path_of(url: &[u8]) -> &[u8] {
    let url = without_query(url.trim_ascii()).strip_prefix(b"\"").unwrap_or(url);
    let url = url.strip_suffix(b"\"").unwrap_or(url);
    let url = without_query(url);
    let Some(scheme) = url.windows(3).position(|at| at == b"://") else { return b"" };
    let host = &url[scheme + 3..];
    host.iter().position(|byte| *byte == b'/').map_or(b"", |slash| &host[slash..])
}

/// One part of a path, safe by the rules above: never empty, `.` or `..`, of plain characters, at most
/// 120 bytes long.
pub fn safe(part: &[u8]) -> String {
    if part.is_empty() {
        return "@".into();
    }
    let last = part.len() - 1;
    let mut out = String::new();
    for (at, byte) in part.iter().enumerate() {
        let edge = *byte == b'.' && (at == 0 || at == last) || *byte == b'-' && at == 0;
        let device = at == 0 && is_device(part);
        let plain = byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        if plain && !edge && !device {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    shorten(out, part, PART)
}

/// Cuts a name that is longer than `most` bytes, of plain characters, and puts digits of the digest of
/// `whole` behind it, so that it stays apart from others that begin alike.
pub fn shorten(mut name: String, whole: &[u8], most: usize) -> String {
    if name.len() <= most {
        return name;
    }
    let digest = Sha256::digest(whole);
    let digits: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let len = most.saturating_sub(1 + digits.len());
    name.truncate((0..=len).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0));
    // Not in the middle of a %XX.
    if let Some(cut) = name.rfind('%').filter(|at| at + 3 > name.len()) {
        name.truncate(cut);
    }
    format!("{name}~{digits}")
}

/// Names that Windows keeps for devices, with any extension.
fn is_device(part: &[u8]) -> bool {
    let stem = part.split(|byte| *byte == b'.').next().unwrap_or_default();
    let stem = stem.trim_ascii_end().to_ascii_uppercase();
    match stem.as_slice() {
        b"CON" | b"PRN" | b"AUX" | b"NUL" => true,
        [b'C', b'O', b'M', n] | [b'L', b'P', b'T', n] => n.is_ascii_digit(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::path::{Component, Path};

    use super::*;

    fn point(app: &str, name: &str) -> PublishPoint {
        PublishPoint::new(Text(app.as_bytes()), Text(b""), Text(name.as_bytes()))
    }

    fn path(app: &str, name: &str) -> String {
        point(app, name).path()
    }

    #[test]
    fn the_same_url_is_the_same_point_however_it_is_cut() {
        for (app, name) in [
            ("live/eu", "cam"),
            ("live", "eu/cam"),
            ("/live/eu/", "/cam"),
            ("live//eu", "cam?token=a/b"),
            ("live/eu?user=x&pass=y", "mp4:cam"),
            ("", "live/eu/flv:cam"),
        ] {
            assert_eq!(path(app, name), "live/eu/cam", "{app} {name}");
        }
    }

    #[test]
    fn the_url_counts_when_there_is_no_application() {
        for url in ["rtmp://host:1935/live", "\"rtmp://host/live/?x=1\"", "rtmp://host/live?x"] {
            let point = PublishPoint::new(Text(b""), Text(url.as_bytes()), Text(b"cam"));
            assert_eq!(point.path(), "live/cam", "{url}");
        }
        for url in ["", "no url", "rtmp://host", "\""] {
            let point = PublishPoint::new(Text(b""), Text(url.as_bytes()), Text(b"cam"));
            assert_eq!(point.path(), "@/cam", "{url}");
        }
    }

    #[test]
    fn nothing_leaves_the_folder() {
        let long = "x".repeat(5000);
        let deep = "a/".repeat(500);
        for name in [
            "..",
            ".",
            "../../etc/passwd",
            "/etc/passwd",
            "..\\..\\x",
            "C:\\x",
            "a\0b",
            "a\nb",
            "",
            "...",
            "~root",
            "%2e%2e",
            "\u{202e}gnp",
            "\u{2044}etc",
            "ｅtc",
            &long,
            &deep,
            "NUL",
            "con.flv",
            "COM1",
            "-rf",
        ] {
            for (app, name) in [("live", name), (name, "cam"), (name, name)] {
                let path = point(app, name).path();
                let plain = |part| matches!(part, Component::Normal(_));
                assert!(Path::new(&path).components().all(plain), "{path:?}");
                assert!(Path::new(&path).components().count() >= 2, "{path:?}");
                let text = path;
                let safe = |c: char| c.is_ascii_alphanumeric() || "-_.%@~/".contains(c);
                assert!(text.chars().all(safe), "{text}");
                assert!(text.split('/').all(|part| part.len() <= PART && !part.is_empty()));
                assert!(text.len() < 1024);
            }
        }
        assert_eq!(path("live", ".."), "live/%2E%2E");
        assert_eq!(path("live", "NUL"), "live/%4EUL");
        assert_eq!(path("live", "a b"), "live/a%20b");
        assert_eq!(path("live", ""), "live/@");
        assert_eq!(path("live", "@"), "live/%40");
        assert_eq!(path("-rf", "-a-"), "%2Drf/%2Da-");
    }

    #[test]
    fn long_names_stay_apart() {
        let (one, two) = ("é".repeat(100) + "1", "é".repeat(100) + "2");
        assert_ne!(path("live", &one), path("live", &two));
        let (one, two) = ("a/".repeat(50) + "1", "a/".repeat(50) + "2");
        assert_ne!(path("live", &one), path("live", &two));
    }
}
