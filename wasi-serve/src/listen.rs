//! Listening sockets, and addresses as the rest of the program has them.

use alloc::format;
use alloc::string::String;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use wasi::io::poll::Pollable;
use wasi::sockets::instance_network::instance_network;
use wasi::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
};
use wasi::sockets::tcp::TcpSocket;
use wasi::sockets::tcp_create_socket::create_tcp_socket;

/// Connections that may wait to be accepted: encoders of a whole site that start at once.
const BACKLOG: u64 = 4096;

/// A listening socket. The fields are dropped in this order, as WASI asks.
pub(crate) struct Listener {
    pub(crate) ready: Pollable,
    pub(crate) socket: TcpSocket,
}

/// Listens on `address`.
///
/// # Errors
///
/// What the runtime says: an address in use, or no right to listen at all.
pub(crate) fn listen(address: SocketAddr) -> Result<Listener, String> {
    let failed = |code: ErrorCode| {
        let hint = match code {
            ErrorCode::AccessDenied => "; does the runtime allow it, as with -S inherit-network?",
            _ => "",
        };
        format!("cannot listen on {address}: {}{hint}", code.name())
    };
    let socket = create_tcp_socket(family(address)).map_err(failed)?;
    let ready = socket.subscribe();
    // Some runtimes refuse; then there is their default.
    let _ = socket.set_listen_backlog_size(BACKLOG);
    socket.start_bind(&instance_network(), to_wasi(address)).map_err(failed)?;
    finish(&ready, || socket.finish_bind()).map_err(failed)?;
    socket.start_listen().map_err(failed)?;
    finish(&ready, || socket.finish_listen()).map_err(failed)?;
    Ok(Listener { ready, socket })
}

/// Why a connection could not be accepted.
pub(crate) fn cannot_accept(code: ErrorCode) -> String {
    let hint = match code {
        // wasmtime 36 has a word for it, 49 says that it does not know.
        ErrorCode::NewSocketLimit | ErrorCode::Unknown => {
            "; the runtime is out of file descriptors, most likely: see ulimit -n"
        }
        _ => "",
    };
    format!("cannot accept: {}{hint}", code.name())
}

/// Waits for an operation that was started.
fn finish(
    ready: &Pollable,
    mut end: impl FnMut() -> Result<(), ErrorCode>,
) -> Result<(), ErrorCode> {
    loop {
        match end() {
            Err(ErrorCode::WouldBlock) => ready.block(),
            other => return other,
        }
    }
}

fn family(address: SocketAddr) -> IpAddressFamily {
    if address.is_ipv4() { IpAddressFamily::Ipv4 } else { IpAddressFamily::Ipv6 }
}

fn to_wasi(address: SocketAddr) -> IpSocketAddress {
    match address {
        SocketAddr::V4(v4) => {
            let [a, b, c, d] = v4.ip().octets();
            IpSocketAddress::Ipv4(Ipv4SocketAddress { port: v4.port(), address: (a, b, c, d) })
        }
        SocketAddr::V6(v6) => {
            let [a, b, c, d, e, f, g, h] = v6.ip().segments();
            IpSocketAddress::Ipv6(Ipv6SocketAddress {
                port: v6.port(),
                flow_info: v6.flowinfo(),
                address: (a, b, c, d, e, f, g, h),
                scope_id: v6.scope_id(),
            })
        }
    }
}

/// An address as the standard library has it.
pub(crate) fn from_wasi(address: IpSocketAddress) -> SocketAddr {
    match address {
        IpSocketAddress::Ipv4(v4) => {
            let (a, b, c, d) = v4.address;
            SocketAddr::new(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), v4.port)
        }
        IpSocketAddress::Ipv6(v6) => {
            let (a, b, c, d, e, f, g, h) = v6.address;
            let ip = Ipv6Addr::new(a, b, c, d, e, f, g, h);
            SocketAddr::V6(SocketAddrV6::new(ip, v6.port, v6.flow_info, v6.scope_id))
        }
    }
}
