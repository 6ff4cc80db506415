//! What recorders on other libraries share: a task for each connection on two threads, reads of
//! 64 KiB, and one write for what a read brought. Usage: `NAME ADDR:PORT DIR`.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A session of some library.
pub trait Recorder: Send + 'static {
    fn new() -> Self;

    /// Takes in what a read brought; fills what goes back, and what goes to the recording.
    fn take(&mut self, input: &[u8], out: &mut Output) -> Result<()>;
}

/// What a session makes of its input.
#[derive(Default)]
pub struct Output {
    pub replies: Vec<u8>,
    /// The name published, once it is.
    pub publish: Option<String>,
    /// The start of a file, and tags.
    pub flv: Vec<u8>,
}

/// Records until the process ends.
pub fn main<R: Recorder>() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let mut next = || args.next().context("usage: NAME ADDR:PORT DIR");
    let (addr, dir) = (next()?, PathBuf::from(next()?));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_io().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(addr).await?;
        loop {
            let (socket, _) = listener.accept().await?;
            let dir = dir.clone();
            tokio::spawn(async move {
                if let Err(error) = serve::<R>(socket, dir).await {
                    eprintln!("{error:#}");
                }
            });
        }
    })
}

async fn serve<R: Recorder>(mut socket: TcpStream, dir: PathBuf) -> Result<()> {
    socket.set_nodelay(true)?;
    let (mut recorder, mut out) = (R::new(), Output::default());
    let mut file = None;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let len = socket.read(&mut buffer).await?;
        if len == 0 {
            return Ok(());
        }
        recorder.take(&buffer[..len], &mut out)?;
        if !out.replies.is_empty() {
            socket.write_all(&out.replies).await?;
            out.replies.clear();
        }
        if let Some(name) = out.publish.take() {
            file = Some(File::create(dir.join(format!("{name}.flv")))?);
        }
        if let Some(file) = &mut file {
            file.write_all(&out.flv)?;
            out.flv.clear();
        }
    }
}
