//! Makes vectors: a proxy that keeps what a client sends, and a reader of what was kept.

use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Parser;
use sluicebox_tests::flv::Tag;
use sluicebox_tests::proxy::Proxy;
use sluicebox_tests::{flv, vector};

/// Keeps what a client sends to a server; or lists tags, and does nothing else.
#[derive(Parser)]
struct Arguments {
    /// Where the client connects to.
    #[arg(long, default_value = "127.0.0.1:1936")]
    listen: SocketAddr,
    /// The server behind it.
    #[arg(long, required_unless_present_any = ["tags", "flv"])]
    to: Option<SocketAddr>,
    /// Where the client's bytes go. The proxy ends with the first connection.
    #[arg(long, required_unless_present_any = ["tags", "flv"])]
    out: Option<PathBuf>,
    /// Lists the tags that a recording of these bytes must have.
    #[arg(long, conflicts_with_all = ["to", "out", "flv"])]
    tags: Option<PathBuf>,
    /// Lists the tags of this FLV file.
    #[arg(long, conflicts_with_all = ["to", "out"])]
    flv: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(path) = arguments.tags {
        let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
        list(&vector::expected_tags(&bytes));
    } else if let Some(path) = arguments.flv {
        list(&flv::read(&path));
    } else {
        let to = arguments.to.context("--to is required")?;
        let mut out = File::create(arguments.out.context("--out is required")?)?;
        out.write_all(&Proxy::start(arguments.listen, to)?.sent()?)?;
    }
    Ok(())
}

fn list(tags: &[Tag]) {
    for tag in tags {
        println!("{}", tag.line());
    }
}
