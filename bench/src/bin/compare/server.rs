//! The process under measurement.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use sluicebox_bench::process::{self, Memory};

/// A drive with its options, as they are compared.
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    args: &'static [&'static str],
}

impl Variant {
    pub(crate) fn is_raw(&self) -> bool {
        self.name.starts_with("rawsink")
    }
}

macro_rules! variants {
    ($($drive:literal $($arg:literal)*;)*) => {
        &[$(Variant {
            name: concat!($drive $(, " ", $arg)*),
            args: &["--drive", $drive $(, $arg)*],
        }),*]
    };
}

/// All that are compared; the first is what the others are measured by.
pub(crate) const VARIANTS: &[Variant] = variants! {
    "rawsink";
    "rawsink" "--tick" "50";
    "threads";
    "threads" "--tick" "50";
    "tokio";
    "tokio" "--block-in-place";
    "tokio" "--tick" "50";
    "shards";
    "shards" "--reads" "8";
    "shards" "--reads" "8" "--tick" "20";
    "shards" "--reads" "8" "--tick" "50";
    "shards" "--reads" "8" "--tick" "100";
    "shards" "--reads" "8" "--tick" "50" "--guard";
    "shards" "--reads" "8" "--tick" "50" "--trim";
    "uring" "--tick" "50";
};

/// A running drive. Ends with this value.
pub(crate) struct Server {
    child: Child,
    pub(crate) addr: SocketAddr,
}

impl Server {
    pub(crate) fn start(variant: &Variant, dir: &Path) -> Result<Self> {
        let program = std::env::current_exe()?.with_file_name("drive");
        let mut child = Command::new(&program)
            .args(variant.args)
            .arg("--dir")
            .arg(dir)
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{}: build it too, with --bins", program.display()))?;
        let mut addr = String::new();
        BufReader::new(child.stdout.take().context("stdout")?).read_line(&mut addr)?;
        let addr = addr.trim().parse().context("address of the drive")?;
        Ok(Self { child, addr })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn memory(&self) -> Result<Memory> {
        process::memory(self.pid())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has no other way to end, and nothing left to lose.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
