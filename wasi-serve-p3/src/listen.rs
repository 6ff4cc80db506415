//! Listening sockets, and addresses as the rest of the program has them.

use alloc::format;
use alloc::string::String;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use wasip3::sockets::types::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress, TcpSocket,
};
use wasip3::wit_bindgen::StreamReader;

/// Connections that may wait to be accepted: encoders of a whole site that start at once.
const BACKLOG: u64 = 4096;

/// A listening socket, who comes to it, and where it is.
pub(crate) struct Listener {
    pub(crate) come: StreamReader<TcpSocket>,
    pub(crate) address: SocketAddr,
    /// Listens as long as it is there.
    _socket: TcpSocket,
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
        format!("cannot listen on {address}: {}{hint}", name(&code))
    };
    let family = if address.is_ipv4() { IpAddressFamily::Ipv4 } else { IpAddressFamily::Ipv6 };
    let socket = TcpSocket::create(family).map_err(failed)?;
    // Some runtimes refuse; then there is their default.
    let _ = socket.set_listen_backlog_size(BACKLOG);
    socket.bind(to_wasi(address)).map_err(failed)?;
    let come = socket.listen().map_err(failed)?;
    let address = socket.get_local_address().map_or(address, from_wasi);
    Ok(Listener { come, address, _socket: socket })
}

/// Why a connection could not be accepted.
pub(crate) fn cannot_accept(code: &ErrorCode) -> String {
    let hint = match code {
        ErrorCode::Other(_) => {
            "; the runtime is out of file descriptors, most likely: see ulimit -n"
        }
        _ => "",
    };
    format!("cannot accept: {}{hint}", name(code))
}

/// An error by its name in WASI.
pub(crate) fn name(code: &ErrorCode) -> &str {
    match code {
        ErrorCode::AccessDenied => "access-denied",
        ErrorCode::NotSupported => "not-supported",
        ErrorCode::AddressInUse => "address-in-use",
        ErrorCode::AddressNotBindable => "address-not-bindable",
        ErrorCode::OutOfMemory => "out-of-memory",
        ErrorCode::ConnectionReset => "connection-reset",
        ErrorCode::ConnectionBroken => "connection-broken",
        ErrorCode::Timeout => "timeout",
        ErrorCode::Other(Some(why)) => why,
        _ => "other",
    }
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
