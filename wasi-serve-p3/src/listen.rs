//! Listening sockets.

use alloc::format;
use alloc::string::String;
use core::net::SocketAddr;

use wasip3::sockets::types::{ErrorCode, IpAddressFamily, TcpSocket};
use wasip3::wit_bindgen::StreamReader;

use crate::addresses::{from_wasi, to_wasi};

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
