//! The allocator: small things in dlmalloc, as in Rust's own standard library for wasm; large ones in
//! pages of their own.

use alloc::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32;
use core::cell::{Cell, UnsafeCell};
use core::ptr::{self, with_exposed_provenance_mut};

use dlmalloc::Dlmalloc;

use crate::runs::{PAGE, Runs};

/// From here on an allocation has pages of its own, in bytes.
const LARGE: usize = 8 << 10;
/// What dlmalloc takes at a time, in bytes: more would only keep a page for the account at its end.
const SMALL: usize = 8 << 10;
/// By what a WebAssembly memory grows, in bytes.
const GRAIN: u32 = 64 << 10;
/// What there is from the start, in bytes: what a usual stream takes, as every time that a memory grows, and
/// is made small again, costs its host a call of the system. What is never touched costs nothing.
const FIRST: u32 = 512 << 10;

struct Memory {
    small: UnsafeCell<Dlmalloc<Pages>>,
    runs: UnsafeCell<Runs>,
    /// Whether [`FIRST`] has been given out.
    begun: Cell<bool>,
}

// SAFETY: an instance has one thread.
unsafe impl Sync for Memory {}

#[global_allocator]
static MEMORY: Memory = Memory {
    small: UnsafeCell::new({
        let mut small = Dlmalloc::new_with_allocator(Pages);
        assert!(small.set_granularity(SMALL));
        small
    }),
    runs: UnsafeCell::new(Runs::new()),
    begun: Cell::new(false),
};

/// The pages that there are from the start.
#[repr(C, align(4096))]
struct First(UnsafeCell<[u8; FIRST as usize]>);

// SAFETY: nobody uses it but who has taken its pages.
unsafe impl Sync for First {}

static BEGINNING: First = First(UnsafeCell::new([0; FIRST as usize]));

/// The runs of free pages, for the length of one use.
fn runs() -> &'static mut Runs {
    // SAFETY: no function of this module keeps the reference while another is called that uses it.
    unsafe { &mut *MEMORY.runs.get() }
}

/// Where the list of free pages lies.
pub(crate) fn unused() -> *const Runs {
    MEMORY.runs.get()
}

/// Whole pages for `size` bytes.
fn pages(size: usize) -> Option<u32> {
    u32::try_from(size).ok()?.checked_next_multiple_of(PAGE)
}

/// The end of the memory, as an address.
fn end() -> u64 {
    wasm32::memory_size(0) as u64 * u64::from(GRAIN)
}

/// Adds at least `len` bytes, whole pages, to the free ones, at the end of the memory.
fn grow(len: u32) -> bool {
    let (grains, at) = (len.div_ceil(GRAIN), end());
    // The last page of all stays unused, so that no address behind a run is 0.
    let Ok(end) = u32::try_from(at + u64::from(grains) * u64::from(GRAIN)) else { return false };
    let grown = wasm32::memory_grow(0, grains as usize) != usize::MAX;
    if grown {
        runs().give(end - grains * GRAIN, grains * GRAIN);
    }
    grown
}

/// `len` bytes, whole pages; null when there are none.
fn take(len: u32) -> *mut u8 {
    if !MEMORY.begun.replace(true)
        && let Ok(at) = u32::try_from(BEGINNING.0.get().expose_provenance())
    {
        runs().give(at, FIRST);
    }
    let at = runs().take(len).or_else(|| grow(len).then(|| runs().take(len)).flatten());
    at.map_or(ptr::null_mut(), |at| with_exposed_provenance_mut(at as usize))
}

/// Whether an allocation has pages of its own.
fn is_large(layout: Layout) -> bool {
    layout.size() >= LARGE && layout.align() <= PAGE as usize
}

/// Makes an allocation of pages longer where it lies, if what is behind it is free.
fn extend(at: u32, len: u32, wanted: u32) -> bool {
    let (behind, more) = (at + len, wanted - len);
    let last = u64::from(behind) == end();
    runs().take_at(behind, more) || (last && grow(more) && runs().take_at(behind, more))
}

// SAFETY: as `GlobalAlloc` asks: blocks do not overlap, have their size and alignment, and stay
// until they are freed. dlmalloc sees to that for small ones; large ones are pages that `Runs`
// does not have meanwhile.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_large(layout) {
            return pages(layout.size()).map_or(ptr::null_mut(), take);
        }
        // SAFETY: one thread; dlmalloc calls `Pages`, which does not call back.
        unsafe { (*self.small.get()).malloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if is_large(layout) {
            if let (Ok(at), Some(len)) = (u32::try_from(block.addr()), pages(layout.size())) {
                runs().give(at, len);
            }
            return;
        }
        // SAFETY: as above, and it came from there, as its layout says.
        unsafe { (*self.small.get()).free(block, layout.size(), layout.align()) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller sees to it that this is a layout.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        if !is_large(layout) && !is_large(wanted) {
            // SAFETY: as in `dealloc`.
            return unsafe {
                (*self.small.get()).realloc(block, layout.size(), layout.align(), size)
            };
        }
        if is_large(layout)
            && is_large(wanted)
            && let (Some(old), Some(new)) = (pages(layout.size()), pages(size))
            && let Ok(at) = u32::try_from(block.addr())
        {
            if new < old {
                runs().give(at + new, old - new);
            }
            if new <= old || extend(at, old, new) {
                return block;
            }
        }
        // SAFETY: both blocks are as long as is copied, and the old one is freed once.
        unsafe {
            let moved = self.alloc(wanted);
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(block, layout.size().min(size));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}

/// Where dlmalloc gets its memory; it keeps what it has.
struct Pages;

// SAFETY: what is handed out is free pages, and nobody else's from then on.
unsafe impl dlmalloc::Allocator for Pages {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        let Some(len) = pages(size) else { return (ptr::null_mut(), 0, 0) };
        (take(len), len as usize, 0)
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        ptr::null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        false
    }

    fn page_size(&self) -> usize {
        PAGE as usize
    }
}
