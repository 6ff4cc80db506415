//! Listening sockets.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context as _, Result};
use mio::net::{TcpListener, TcpStream};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

/// Connections that may wait to be accepted. With less, a burst of a thousand encoders that
/// reconnect after an outage is slowed down by repeated SYNs.
const BACKLOG: i32 = 4096;

/// Silence after which the other end of a connection is asked whether it is there; time between two
/// questions, and how many there are.
const SILENCE: Duration = Duration::from_secs(15);
const PROBE: Duration = Duration::from_secs(5);
const PROBES: u32 = 3;

/// Opens a listening socket. `[::]` takes IPv6 only, so that it goes beside `0.0.0.0`.
pub(crate) fn bind(addr: SocketAddr) -> Result<TcpListener> {
    let open = || {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        if addr.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // A restarted server need not wait for the old one's connections to fade.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&addr.into())?;
        socket.listen(BACKLOG)?;
        std::io::Result::Ok(TcpListener::from_std(socket.into()))
    };
    open().with_context(|| format!("cannot listen on {addr}"))
}

/// Has the system notice when the other end of a connection is gone without a word: a cable, a
/// phone, a router. Half a minute of silence is asked about, and so is a reply that nobody takes.
pub(crate) fn notice_loss(socket: &TcpStream) -> std::io::Result<()> {
    let keepalive = TcpKeepalive::new().with_time(SILENCE);
    #[cfg(not(windows))]
    let keepalive = keepalive.with_interval(PROBE).with_retries(PROBES);
    let socket = SockRef::from(socket);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(SILENCE + PROBE * PROBES))?;
    Ok(())
}

/// Where to publish, for a person: the address itself, or for "any address" this machine's.
pub(crate) fn url(addr: SocketAddr) -> String {
    let ip = if addr.ip().is_unspecified() { own_address(addr) } else { addr.ip() };
    format!("rtmp://{}/live/NAME", SocketAddr::new(ip, addr.port()))
}

/// The address that this machine uses towards others; loopback if there is none. Sends nothing.
fn own_address(addr: SocketAddr) -> std::net::IpAddr {
    // Addresses for documentation: nobody's.
    let (from, to) =
        if addr.is_ipv4() { ("0.0.0.0:0", "192.0.2.1:9") } else { ("[::]:0", "[2001:db8::1]:9") };
    let route = || {
        let socket = UdpSocket::bind(from)?;
        socket.connect(to)?;
        socket.local_addr()
    };
    match route() {
        Ok(own) => own.ip(),
        Err(_) if addr.is_ipv4() => std::net::Ipv4Addr::LOCALHOST.into(),
        Err(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    }
}

/// Raises the limit on open files as far as this process may: a connection takes two.
pub(crate) fn raise_file_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        if limit.current != limit.maximum {
            limit.current = limit.maximum;
            if let Err(error) = setrlimit(Resource::Nofile, limit) {
                tracing::debug!(%error, "limit on open files stays");
            }
        }
    }
}
