//! What the host calls. See `docs/abi.md`.

use core::cell::UnsafeCell;

use sluicebox_abi as abi;
use sluicebox_core::StreamId;

use crate::guest::Guest;
use crate::memory;

/// The instance's only state.
struct Instance(UnsafeCell<Guest>);

// SAFETY: an instance has one thread, and the module imports nothing that could call back into it.
unsafe impl Sync for Instance {}

static INSTANCE: Instance = Instance(UnsafeCell::new(Guest::new()));

/// The guest, for the length of one call.
fn guest() -> &'static mut Guest {
    // SAFETY: exports are called one at a time, do not call each other, and keep no reference.
    unsafe { &mut *INSTANCE.0.get() }
}

/// Where in this module's memory a pointer points.
#[expect(clippy::cast_possible_truncation, reason = "pointers have 32 bits here")]
fn address(place: *const u8) -> u32 {
    place.addr() as u32
}

#[unsafe(export_name = "version")]
extern "C" fn version() -> u32 {
    abi::VERSION
}

#[unsafe(export_name = "open")]
extern "C" fn open(len: u32, seed: u64) {
    feed(len);
    guest().open(seed);
}

#[unsafe(export_name = "space")]
extern "C" fn space(len: u32) -> u32 {
    address(guest().space(len as usize))
}

#[unsafe(export_name = "feed")]
extern "C" fn feed(len: u32) {
    // SAFETY: every byte of a module's memory has a value.
    unsafe { guest().feed(len as usize) };
}

#[unsafe(export_name = "poll")]
extern "C" fn poll() -> u32 {
    address(guest().poll(|bytes| address(bytes.as_ptr())).as_ptr())
}

#[unsafe(export_name = "part")]
extern "C" fn part(least: u32) -> u32 {
    let record = guest().part(least as usize, |bytes| address(bytes.as_ptr()));
    record.map_or(0, |record| address(record.as_ptr()))
}

#[unsafe(export_name = "accept")]
extern "C" fn accept(stream: u32) {
    guest().accept(StreamId(stream));
}

#[unsafe(export_name = "reject")]
extern "C" fn reject(stream: u32, why: u32) {
    guest().reject(StreamId(stream), abi::reject(why).expect("no such reason"));
}

#[unsafe(export_name = "reconnect")]
extern "C" fn reconnect(len: u32) -> u32 {
    // SAFETY: every byte of a module's memory has a value.
    let told = unsafe { guest().reconnect(len as usize) };
    told.into()
}

#[unsafe(export_name = "idle")]
extern "C" fn idle() {
    guest().idle();
}

#[unsafe(export_name = "close")]
extern "C" fn close(why: u32) {
    guest().close(abi::close(why).expect("no such reason"));
}

#[unsafe(export_name = "trim")]
extern "C" fn trim() -> u32 {
    guest().trim();
    address(memory::unused().cast())
}
