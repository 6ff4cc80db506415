//! How often a guest allocates while it takes in media: never.

use core::cell::Cell;
use std::alloc::{GlobalAlloc, Layout, System};

use crate::guest::Guest;

/// The system's allocator, counting for each thread.
struct Counting;

std::thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count() {
    COUNT.with(|count| count.set(count.get() + 1));
}

// SAFETY: passes every call on to the system's allocator, unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are those asked for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are those asked for.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are those asked for.
        unsafe { System.dealloc(block, layout) }
    }
}

/// A message on message stream `on`, in chunks of 128 bytes.
fn message(chunk_stream: u8, kind: u8, on: u8, body: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(body.len()).expect("short").to_be_bytes();
    let mut out = vec![chunk_stream, 0, 0, 1, a, b, c, kind, on, 0, 0, 0];
    for (index, chunk) in body.chunks(128).enumerate() {
        if index > 0 {
            out.push(0xc0 | chunk_stream);
        }
        out.extend_from_slice(chunk);
    }
    out
}

/// Feeds a read, and accepts whoever publishes. Gives how many events came.
fn feed(guest: &mut Guest, bytes: &[u8]) -> usize {
    let space = guest.space(bytes.len());
    // SAFETY: `space` is room for that many bytes, and they are written before they count.
    unsafe {
        space.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        guest.feed(bytes.len());
    }
    for events in 0.. {
        match guest.poll(|_| 0)[0] {
            0 => return events,
            3 => guest.accept(sluicebox_core::StreamId(1)),
            6 => panic!("the session failed"),
            _ => {}
        }
    }
    unreachable!("events end")
}

#[test]
fn media_is_taken_in_without_an_allocation() {
    let mut guest = Guest::new();
    guest.open(1);
    let number = |n: f64| [&[0][..], &n.to_be_bytes()].concat();
    let mut start = vec![3];
    start.resize(1 + 2 * 1536, 0);
    let connect = [&b"\x02\0\x07connect"[..], &number(1.0), b"\x03\0\x03app\x02\0\x04live\0\0\x09"];
    start.extend(message(3, 20, 0, &connect.concat()));
    let create = [&b"\x02\0\x0ccreateStream"[..], &number(2.0), b"\x05"];
    start.extend(message(3, 20, 0, &create.concat()));
    let publish = [&b"\x02\0\x07publish"[..], &number(3.0), b"\x05\x02\0\x03cam\x02\0\x04live"];
    start.extend(message(3, 20, 1, &publish.concat()));
    assert!(feed(&mut guest, &start) >= 4);
    let mut lap = Vec::new();
    for _ in 0..4 {
        lap.extend(message(6, 9, 1, &[0x27; 24_000]));
        lap.extend(message(4, 8, 1, &[0xaf; 380]));
    }
    // Reads as they come: the cut wanders over the messages.
    let laps = lap.repeat(40);
    let mut events = 0;
    let mut run = |laps: &[u8]| {
        for read in laps.chunks(16 << 10) {
            events += feed(&mut guest, read);
        }
    };
    run(&laps);
    let before = COUNT.with(Cell::get);
    run(&laps);
    assert_eq!(COUNT.with(Cell::get) - before, 0);
    assert!(events > 200, "{events}");
}
