//! What a disk has left beyond what is to stay free: shared by all recordings on it.
//!
//! To ask the system at every write would cost more than the write. So half of what is left is handed
//! out in advance, as credit that writes are taken from; when it is used up, the disk is looked at
//! again. The closer the bound, the more often that is: near it, before every write. The other half is for
//! what else takes room: the last blocks of files, other programs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Room on one disk.
#[derive(Debug, Default)]
pub(super) struct Space {
    /// Bytes that may be written without another look.
    credit: AtomicU64,
    /// Bytes of writes that go on: the system does not count them yet.
    flying: AtomicU64,
    /// Bytes that files take when they are finished.
    owed: AtomicU64,
    /// One looks at a time: what the next sees has this one's write in `flying`.
    looking: Mutex<()>,
}

/// Room for one write: dropped when it has been written, or has failed.
#[derive(Debug)]
pub(super) struct Room<'a>(&'a Space, u64);

impl Space {
    /// That of the disk that `file` is on.
    pub(super) fn under(file: &File) -> io::Result<Arc<Self>> {
        static DISKS: Mutex<BTreeMap<u64, Weak<Space>>> = Mutex::new(BTreeMap::new());
        let disk = device(file)?;
        let mut disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(space) = disks.get(&disk).and_then(Weak::upgrade) {
            return Ok(space);
        }
        disks.retain(|_, space| space.strong_count() > 0);
        let space = Arc::default();
        disks.insert(disk, Arc::downgrade(&space));
        Ok(space)
    }

    /// Notes what a file will take when it is finished.
    pub(super) fn owe(&self, len: u64) {
        self.owed.fetch_add(len, SeqCst);
    }

    /// It has taken that, or takes nothing.
    pub(super) fn settle(&self, len: u64) {
        self.owed.fetch_sub(len, SeqCst);
    }

    /// Room for `len` bytes, if `min_free` stay free. `looks`: no credit is good enough.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(super) fn take(
        &self,
        len: u64,
        min_free: u64,
        looks: bool,
        free: impl Fn() -> io::Result<u64>,
    ) -> io::Result<Room<'_>> {
        self.flying.fetch_add(len, SeqCst);
        let room = Room(self, len);
        let pay = |credit: u64| credit.checked_sub(len);
        if !looks && self.credit.fetch_update(SeqCst, SeqCst, pay).is_ok() {
            return Ok(room);
        }
        let looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody takes from old credit meanwhile.
        self.credit.store(0, SeqCst);
        // In this order: what is written in between counts twice, not never.
        let taken = self.flying.load(SeqCst) + self.owed.load(SeqCst) + min_free;
        let free = free()?;
        let Some(left) = free.checked_sub(taken) else {
            let what = format!("{free} bytes are free, and {min_free} are kept by --min-free");
            return Err(io::Error::new(io::ErrorKind::StorageFull, what));
        };
        self.credit.store(left / 2, SeqCst);
        drop(looking);
        Ok(room)
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.0.flying.fetch_sub(self.1, SeqCst);
    }
}

/// Tells disks apart.
#[cfg(unix)]
fn device(file: &File) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    file.metadata().map(|meta| meta.dev())
}

#[cfg(not(unix))]
fn device(_: &File) -> io::Result<u64> {
    Ok(0)
}

/// Bytes that are free on the disk that `file` is on.
#[cfg(unix)]
pub(super) fn free(file: &File) -> io::Result<u64> {
    let disk = rustix::fs::fstatvfs(file)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
pub(super) fn free(_: &File) -> io::Result<u64> {
    Ok(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn the_bound_holds_and_it_is_looked_at_seldom() {
        let space = Space::default();
        let (free, looks) = (Cell::new(100_000_000_u64), Cell::new(0));
        let mut written = 0;
        let look = || {
            looks.set(looks.get() + 1);
            Ok(free.get())
        };
        while let Ok(room) = space.take(1000, 10_000_000, false, look) {
            free.set(free.get() - 1000);
            written += 1;
            drop(room);
        }
        assert_eq!(written, 90_000, "to the byte");
        assert!(looks.get() < 30, "{} looks", looks.get());
        // Room is there again.
        free.set(20_000_000);
        assert!(space.take(1000, 10_000_000, false, look).is_ok());
    }

    #[test]
    fn what_others_write_and_owe_is_not_there() {
        let space = Space::default();
        let free = || Ok(10_000);
        let first = space.take(6000, 0, false, free).unwrap();
        assert!(space.take(6000, 0, false, free).is_err(), "while the other is written");
        drop(first);
        drop(space.take(6000, 0, true, free).unwrap());
        space.owe(5000);
        assert!(space.take(6000, 0, true, free).is_err());
        space.settle(5000);
        assert!(space.take(6000, 0, true, free).is_ok());
    }
}
