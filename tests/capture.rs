//! Makes vectors: a proxy that keeps what a client sends, and a reader of what was kept.

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;

use anyhow::{Context as _, Result};
use clap::Parser;
use sluicebox_tests::flv::Tag;
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
        let out = File::create(arguments.out.context("--out is required")?)?;
        let listener = TcpListener::bind(arguments.listen)?;
        let (client, _) = listener.accept()?;
        proxy(client, TcpStream::connect(to)?, out)?;
    }
    Ok(())
}

fn list(tags: &[Tag]) {
    for tag in tags {
        println!("{}", tag.line());
    }
}

/// Passes bytes on in both directions until both have ended.
fn proxy(client: TcpStream, server: TcpStream, mut out: File) -> Result<()> {
    let (from_server, to_client) = (server.try_clone()?, client.try_clone()?);
    let back = thread::spawn(move || pass(from_server, &to_client, &mut io::sink()));
    pass(client, &server, &mut out)?;
    // What the server still has to say when the client is gone finds nobody: no error of ours.
    let _ = back.join().expect("the other direction does not panic");
    Ok(())
}

/// Passes bytes on in one direction until they end.
fn pass(mut from: TcpStream, mut to: &TcpStream, copy: &mut impl Write) -> Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let len = from.read(&mut buffer)?;
        if len == 0 {
            // Fails when the other side has gone already, which is as good.
            let _ = to.shutdown(Shutdown::Write);
            return Ok(());
        }
        copy.write_all(&buffer[..len])?;
        to.write_all(&buffer[..len])?;
    }
}
