//! Listening sockets.

use alloc::format;
use alloc::string::String;
use core::net::SocketAddr;

use wasi::io::poll::Pollable;
use wasi::sockets::instance_network::instance_network;
use wasi::sockets::network::{ErrorCode, IpAddressFamily};
use wasi::sockets::tcp::TcpSocket;
use wasi::sockets::tcp_create_socket::create_tcp_socket;

use crate::addresses::to_wasi;

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
