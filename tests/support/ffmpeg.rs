//! Builds of ffmpeg: Debian's, and a current one that speaks Enhanced RTMP.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::media::Probe;
use crate::tool::{run, target, tool};

/// A build of ffmpeg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ffmpeg {
    /// Debian's, with ffprobe beside it.
    Debian,
    /// The one that `tests/install.sh` fetches, or `SLUICEBOX_FFMPEG`.
    Current,
}

impl Ffmpeg {
    /// This ffmpeg, quiet unless something is wrong. Panics when it is not installed.
    pub fn command(self) -> Command {
        let mut command = self.program();
        command.args(["-nostdin", "-v", "error"]);
        command
    }

    /// The version, as it says it.
    pub fn version(self) -> &'static str {
        static VERSIONS: [OnceLock<String>; 2] = [OnceLock::new(), OnceLock::new()];
        VERSIONS[self as usize].get_or_init(|| {
            let output = run(self.program().arg("-version"));
            let text = String::from_utf8(output.stdout).expect("a version is text");
            let words =
                text.strip_prefix("ffmpeg version ").and_then(|rest| rest.split(' ').next());
            words.unwrap_or_else(|| panic!("no version in {text}")).to_owned()
        })
    }

    /// Streams, packets and their digests. Panics when it finds anything wrong in the file.
    pub fn probe(self, path: &Path) -> Probe {
        match self {
            Self::Debian => crate::media::probe(path),
            Self::Current => {
                let mut command = self.command();
                command.arg("-i").arg(path).args(["-map", "0", "-c", "copy"]);
                let output = run(command.args(["-f", "framehash", "-hash", "sha256", "-"]));
                let errors = String::from_utf8_lossy(&output.stderr);
                assert!(errors.is_empty(), "ffmpeg on {}: {errors}", path.display());
                Probe::of_hashes(&output.stdout)
            }
        }
    }

    fn program(self) -> Command {
        match self {
            Self::Debian => tool("ffmpeg"),
            Self::Current => tool(current()),
        }
    }
}

fn current() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let set = std::env::var_os("SLUICEBOX_FFMPEG").map(PathBuf::from);
        set.unwrap_or_else(|| target().join("tools/ffmpeg"))
    })
}
