//! What a sink writes to, opened and written with patience that ends.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::process::{ChildStdin, Stdio};
use std::time::Duration;

use super::target::Target;
use crate::program::{Program, Running, Variables};

/// Longest time for a connection to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// Time between two looks at whether to go on.
#[cfg(unix)]
const LOOK: rustix::event::Timespec = rustix::event::Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// An open sink.
#[derive(Debug)]
pub(super) enum Output {
    File(File),
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixStream),
    Program(Option<ChildStdin>, Running),
}

impl Output {
    /// Opens a target.
    ///
    /// # Errors
    ///
    /// When it is not there, or a file that is has something in it.
    pub(super) fn open(target: &Target, variables: &Variables) -> io::Result<Self> {
        let output = match target {
            Target::Stdout => return stdout().map(Self::File),
            Target::Path(path) => Self::File(open_path(Path::new(path))?),
            Target::Tcp(addr) => {
                let mut error = io::ErrorKind::NotFound.into();
                let connect = |addr| TcpStream::connect_timeout(&addr, CONNECT);
                let mut addrs = addr.to_socket_addrs()?;
                let socket = addrs.find_map(|addr| connect(addr).map_err(|e| error = e).ok());
                Self::Tcp(socket.ok_or(error)?)
            }
            #[cfg(unix)]
            Target::Unix(path) => Self::Unix(std::os::unix::net::UnixStream::connect(path)?),
            #[cfg(not(unix))]
            Target::Unix(_) => return Err(io::ErrorKind::Unsupported.into()),
            Target::Program(program) => start(program, variables)?,
        };
        output.set_nonblocking()?;
        Ok(output)
    }

    /// Writes all of `bytes`, as long as `may_go_on`.
    pub(super) fn write_all(
        &mut self,
        mut bytes: &[u8],
        may_go_on: impl Fn() -> bool,
    ) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.writer().write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => bytes = &bytes[len..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !may_go_on() {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                    self.wait();
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Closes it. A program is waited for, as long as `may_go_on`; says whether it ended well.
    pub(super) fn close(self, may_go_on: impl FnMut() -> bool) -> Result<(), String> {
        let Self::Program(stdin, mut running) = self else { return Ok(()) };
        drop(stdin);
        let status = running.wait_while(may_go_on);
        running.end();
        match status {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(running.says(&status.to_string())),
            None => Err(running.says("it was ended")),
        }
    }

    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::File(file) => file,
            Self::Tcp(socket) => socket,
            #[cfg(unix)]
            Self::Unix(socket) => socket,
            Self::Program(Some(stdin), _) => stdin,
            Self::Program(None, _) => unreachable!("it is taken only to be closed"),
        }
    }

    #[cfg(unix)]
    fn fd(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        use std::os::fd::AsFd as _;
        match self {
            Self::File(file) => Some(file.as_fd()),
            Self::Tcp(socket) => Some(socket.as_fd()),
            Self::Unix(socket) => Some(socket.as_fd()),
            Self::Program(stdin, _) => stdin.as_ref().map(|stdin| stdin.as_fd()),
        }
    }

    /// Has writes return rather than wait: a reader that is stopped must not hold a thread for ever.
    #[cfg(unix)]
    fn set_nonblocking(&self) -> io::Result<()> {
        if let Some(fd) = self.fd() {
            let flags = rustix::fs::fcntl_getfl(fd)?;
            rustix::fs::fcntl_setfl(fd, flags | rustix::fs::OFlags::NONBLOCK)?;
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn set_nonblocking(&self) -> io::Result<()> {
        Ok(())
    }

    /// Waits a little until it can be written to.
    #[cfg(unix)]
    fn wait(&self) {
        use rustix::event::{PollFd, PollFlags, poll};
        if let Some(fd) = self.fd() {
            // What went wrong, the next write tells.
            let _ = poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::OUT)], Some(&LOOK));
        }
    }

    #[cfg(not(unix))]
    fn wait(&self) {
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn start(program: &Program, variables: &Variables) -> io::Result<Output> {
    let mut running = program.start(variables, Stdio::piped())?;
    let stdin = running.stdin();
    Ok(Output::Program(stdin, running))
}

/// Standard output is shared with others: it keeps its mode, and a write to it may wait.
fn stdout() -> io::Result<File> {
    #[cfg(unix)]
    let own = std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned()?;
    #[cfg(windows)]
    let own = std::os::windows::io::AsHandle::as_handle(&io::stdout()).try_clone_to_owned()?;
    Ok(own.into())
}

/// Opens a new file, or a FIFO that has a reader, or a device.
fn open_path(path: &Path) -> io::Result<File> {
    match fs::metadata(path) {
        Ok(meta) if meta.is_file() && meta.len() > 0 => Err(io::ErrorKind::AlreadyExists.into()),
        Ok(_) => {
            let mut options = OpenOptions::new();
            // A FIFO without a reader would be waited for.
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::custom_flags(
                &mut options,
                i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0),
            );
            options.write(true).open(path)
        }
        Err(_) => {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            OpenOptions::new().write(true).create_new(true).open(path)
        }
    }
}
