//! A proxy that keeps what a client sends.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use anyhow::Result;

/// Passes one connection on to a server.
pub struct Proxy {
    /// Where the client connects to.
    pub addr: SocketAddr,
    connection: JoinHandle<Result<Vec<u8>>>,
}

impl Proxy {
    /// Listens on a free port.
    pub fn to(server: SocketAddr) -> Self {
        Self::start("127.0.0.1:0".parse().expect("an address"), server).expect("a free port")
    }

    /// Listens on `listen`.
    pub fn start(listen: SocketAddr, server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(listen)?;
        let addr = listener.local_addr()?;
        let connection = thread::spawn(move || {
            let (client, _) = listener.accept()?;
            relay(client, TcpStream::connect(server)?)
        });
        Ok(Self { addr, connection })
    }

    /// The address of a stream, for encoders.
    pub fn url(&self, stream: &str) -> String {
        format!("rtmp://{}/live/{stream}", self.addr)
    }

    /// Waits for the end of the connection; all that the client has sent. An error if the client
    /// reset the connection, which takes back what it had just sent.
    pub fn sent(self) -> Result<Vec<u8>> {
        self.connection.join().expect("a proxy does not panic")
    }
}

/// Passes bytes on in both directions until both have ended. Those from the client are kept.
fn relay(client: TcpStream, server: TcpStream) -> Result<Vec<u8>> {
    let (from_server, to_client) = (server.try_clone()?, client.try_clone()?);
    let back = thread::spawn(move || pass(from_server, &to_client, |_| ()));
    let mut kept = Vec::new();
    let forth = pass(client, &server, |bytes| kept.extend(bytes));
    // What the server still has to say when the client is gone finds nobody: no error of ours.
    let _ = back.join().expect("the other direction does not panic");
    forth.map(|()| kept)
}

/// Passes bytes on in one direction until they end.
fn pass(mut from: TcpStream, mut to: &TcpStream, mut keep: impl FnMut(&[u8])) -> Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = from.read(&mut buffer);
        let len = *read.as_ref().unwrap_or(&0);
        if len == 0 {
            // Fails when the other side has gone already, which is as good.
            let _ = to.shutdown(Shutdown::Write);
            read?;
            return Ok(());
        }
        keep(&buffer[..len]);
        to.write_all(&buffer[..len])?;
    }
}
