//! The few calls into WASI that are needed, each with what makes it sound.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use wasip1::{
    Ciovec, Clockid, Errno, Event, EventFdReadwrite, Fd, Filetype, Iovec, Subscription,
    SubscriptionClock, SubscriptionFdReadwrite, SubscriptionU, SubscriptionUU,
};

pub(crate) type Result<T> = core::result::Result<T, Errno>;

/// The first file descriptor that may be a folder.
const FIRST_FOLDER: Fd = 3;

/// Lists of strings as WASI gives them: their number, their length in all, and then where they are.
fn strings(
    sizes: Result<(usize, usize)>,
    get: unsafe fn(*mut *mut u8, *mut u8) -> Result<()>,
) -> Result<Vec<String>> {
    let (count, len) = sizes?;
    let (mut places, mut bytes) = (vec![core::ptr::null_mut(); count], vec![0_u8; len]);
    // SAFETY: both are as long as WASI said they have to be.
    unsafe { get(places.as_mut_ptr(), bytes.as_mut_ptr())? };
    let texts = bytes.split(|byte| *byte == 0).take(count);
    Ok(texts.map(|text| String::from_utf8_lossy(text).into_owned()).collect())
}

/// The arguments, the program's name first.
pub(crate) fn arguments() -> Result<Vec<String>> {
    // SAFETY: no pointer is passed.
    strings(unsafe { wasip1::args_sizes_get() }, wasip1::args_get)
}

/// The environment.
pub(crate) fn environment() -> Result<Vec<(String, String)>> {
    // SAFETY: no pointer is passed.
    let all = strings(unsafe { wasip1::environ_sizes_get() }, wasip1::environ_get)?;
    let pair = |one: &String| one.split_once('=').map(|(name, value)| (name.into(), value.into()));
    Ok(all.iter().filter_map(pair).collect())
}

/// The folders that the runtime gives, with the names that it gives them.
pub(crate) fn folders() -> Vec<(Fd, String)> {
    let mut folders = Vec::new();
    for fd in FIRST_FOLDER.. {
        // SAFETY: no pointer is passed.
        let Ok(prestat) = (unsafe { wasip1::fd_prestat_get(fd) }) else { break };
        // SAFETY: there is one kind of them, and so one field.
        let mut name = vec![0; unsafe { prestat.u.dir.pr_name_len }];
        // SAFETY: the name is as long as WASI said.
        if unsafe { wasip1::fd_prestat_dir_name(fd, name.as_mut_ptr(), name.len()) }.is_ok() {
            let name = String::from_utf8_lossy(&name);
            folders.push((fd, name.trim_end_matches('\0').into()));
        }
    }
    folders
}

/// The time of a clock.
pub(crate) fn time(clock: Clockid) -> Duration {
    // SAFETY: no pointer is passed.
    Duration::from_nanos(unsafe { wasip1::clock_time_get(clock, 1_000_000) }.unwrap_or_default())
}

/// A number that nobody can guess.
pub(crate) fn random() -> u64 {
    let mut bytes = [0; 8];
    // SAFETY: it is eight bytes long. Without randomness the handshake is the same each time.
    let _ = unsafe { wasip1::random_get(bytes.as_mut_ptr(), bytes.len()) };
    u64::from_le_bytes(bytes)
}

/// Reads some bytes. None: nothing comes any more.
pub(crate) fn read(fd: Fd, bytes: &mut [u8]) -> Result<usize> {
    let place = [Iovec { buf: bytes.as_mut_ptr(), buf_len: bytes.len() }];
    // SAFETY: the place is as long as it says, and outlives the call.
    unsafe { wasip1::fd_read(fd, &place) }
}

/// Writes some bytes.
pub(crate) fn write(fd: Fd, bytes: &[u8]) -> Result<usize> {
    let place = [Ciovec { buf: bytes.as_ptr(), buf_len: bytes.len() }];
    // SAFETY: the place is as long as it says, and outlives the call.
    unsafe { wasip1::fd_write(fd, &place) }
}

/// Writes a text to standard error, as far as it can be written.
pub(crate) fn say(text: &str) {
    let mut rest = text.as_bytes();
    while let Ok(len @ 1..) = write(wasip1::FD_STDERR, rest) {
        rest = &rest[len..];
        if rest.is_empty() {
            break;
        }
    }
}

/// Waits until `time` is up.
pub(crate) fn sleep(time: Duration) -> Result<()> {
    wait_for(&[clock(time)]).map(|_| ())
}

/// Waits until standard input has something, or its end, or `time` is up. Whether it is to be read.
/// An error: this runtime cannot wait for it.
pub(crate) fn wait(time: Duration) -> Result<bool> {
    let input = SubscriptionFdReadwrite { file_descriptor: wasip1::FD_STDIN };
    let u = SubscriptionUU { fd_read: input };
    let tag = wasip1::EVENTTYPE_FD_READ.raw();
    wait_for(&[clock(time), Subscription { userdata: 0, u: SubscriptionU { tag, u } }])
}

fn clock(time: Duration) -> Subscription {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let clock = SubscriptionClock {
        id: wasip1::CLOCKID_MONOTONIC,
        timeout: nanos,
        precision: 1_000_000,
        flags: 0,
    };
    let u = SubscriptionUU { clock };
    Subscription { userdata: 0, u: SubscriptionU { tag: wasip1::EVENTTYPE_CLOCK.raw(), u } }
}

/// Waits for any of these. Whether one of them is a descriptor that is to be read.
fn wait_for(wanted: &[Subscription]) -> Result<bool> {
    let nothing = Event {
        userdata: 0,
        error: wasip1::ERRNO_SUCCESS,
        type_: wasip1::EVENTTYPE_CLOCK,
        fd_readwrite: EventFdReadwrite { nbytes: 0, flags: 0 },
    };
    let mut events = vec![nothing; wanted.len()];
    // SAFETY: both lists are as long as is said.
    let count = unsafe { wasip1::poll_oneoff(wanted.as_ptr(), events.as_mut_ptr(), wanted.len())? };
    events.truncate(count);
    match events.iter().find(|event| event.error != wasip1::ERRNO_SUCCESS) {
        Some(failed) => Err(failed.error),
        None => Ok(events.iter().any(|event| event.type_ == wasip1::EVENTTYPE_FD_READ)),
    }
}

/// Makes a folder below another.
pub(crate) fn make_folder(at: Fd, path: &str) -> Result<()> {
    // SAFETY: the path is a string that outlives the call.
    match unsafe { wasip1::path_create_directory(at, path) } {
        Err(wasip1::ERRNO_EXIST) => Ok(()),
        other => other,
    }
}

/// Of what kind something is. No symbolic link is followed at its end.
pub(crate) fn kind(at: Fd, path: &str) -> Result<Filetype> {
    // SAFETY: the path is a string that outlives the call.
    unsafe { wasip1::path_filestat_get(at, 0, path) }.map(|stat| stat.filetype)
}

/// Makes a file that was not there before, to write to.
pub(crate) fn create(at: Fd, path: &str) -> Result<Fd> {
    let new = wasip1::OFLAGS_CREAT | wasip1::OFLAGS_EXCL;
    let rights = wasip1::RIGHTS_FD_WRITE
        | wasip1::RIGHTS_FD_SEEK
        | wasip1::RIGHTS_FD_TELL
        | wasip1::RIGHTS_FD_FILESTAT_GET
        | wasip1::RIGHTS_FD_FILESTAT_SET_SIZE;
    // SAFETY: the path is a string that outlives the call. No symbolic link is followed at its end.
    unsafe { wasip1::path_open(at, 0, path, new, rights, 0, 0) }
}

/// Removes a file below a folder.
pub(crate) fn remove(at: Fd, path: &str) -> Result<()> {
    // SAFETY: the path is a string that outlives the call.
    unsafe { wasip1::path_unlink_file(at, path) }
}

/// Cuts a file.
pub(crate) fn cut(fd: Fd, len: u64) -> Result<()> {
    // SAFETY: no pointer is passed.
    unsafe { wasip1::fd_filestat_set_size(fd, len) }
}

/// Closes a file.
pub(crate) fn close(fd: Fd) {
    // SAFETY: no pointer is passed, and whoever calls this has the file for itself.
    let _ = unsafe { wasip1::fd_close(fd) };
}

/// Ends the program.
pub(crate) fn exit(code: u32) -> ! {
    // SAFETY: no pointer is passed.
    unsafe { wasip1::proc_exit(code) };
    core::arch::wasm32::unreachable()
}
