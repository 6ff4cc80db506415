//! `decode`: what a client sent, captured, put through a session as if it came from a socket.
//!
//! ```text
//!  pcap, pcapng ─▶ packet ─▶ tcp ─┐
//!                                 ├─▶ client: a session ─▶ output: a file for each publish
//!  a client's bytes ──────────────┘
//! ```

mod capture;
mod packet;
mod tcp;
mod client;
mod output;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::flags::SessionFlags;
use crate::ingest::Backend;
use client::{Client, Said};
use output::Output;

/// Arguments of `decode`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Exit code: 0 if something was published and every message of it was written, \
                        1 if not, 2 if the capture cannot be read."
)]
pub struct Arguments {
    /// The bytes that a client sent, from the first; or a packet capture (pcap, pcapng) with one or
    /// more RTMP connections in it; "-" is standard input
    #[arg(value_name = "CAPTURE")]
    capture: PathBuf,

    /// Where the first publish goes, the others being numbered; "-" is standard output, for one
    /// publish [default: CAPTURE with the extension flv, in this folder]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    session: SessionFlags,
}

/// Decodes a capture. 0: something was published, and all of it was written.
pub(super) fn run<B: Backend>(arguments: &Arguments, backend: &B) -> Result<ExitCode> {
    let name = || arguments.capture.display().to_string();
    let mut input = open(&arguments.capture).with_context(name)?;
    let mut start = Vec::new();
    input.by_ref().take(4).read_to_end(&mut start).with_context(name)?;
    let packets = capture::is_capture(&start);
    let input = io::Cursor::new(start).chain(input);
    let mut decode = Decode {
        backend,
        config: arguments.session.config(),
        output: Output::new(arguments.output.clone().unwrap_or_else(|| beside(&arguments.capture))),
        said: Said::default(),
    };
    if packets {
        capture::read(input, &mut decode).with_context(name)?;
    } else {
        raw(input, &mut decode).with_context(name)?;
    }
    let complete = decode.said.complete();
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What all clients of a capture share.
struct Decode<'a, B> {
    backend: &'a B,
    config: sluicebox_core::Config,
    output: Output,
    said: Said,
}

impl<B: Backend> Decode<'_, B> {
    /// A client that has said nothing yet.
    fn client(&self, name: String) -> Result<Client<B::Ingest>> {
        // Any number: nobody hears the replies.
        const SEED: u64 = 1;
        Ok(Client::new(name, self.backend.open(self.config, SEED)?))
    }
}

/// One client's bytes, as they are.
fn raw<B: Backend>(mut input: impl Read, decode: &mut Decode<'_, B>) -> Result<()> {
    let mut client = decode.client("client".into())?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(len) => client.take(&buffer[..len], &mut decode.output, &mut decode.said)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    client.finish(&mut decode.output, &mut decode.said)
}

fn open(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    Ok(Box::new(File::open(path)?))
}

/// The name of the capture, in this folder, as an FLV file.
fn beside(capture: &Path) -> PathBuf {
    match capture.file_stem() {
        Some(stem) if capture != Path::new("-") => Path::new(stem).with_extension("flv"),
        _ => "decoded.flv".into(),
    }
}
