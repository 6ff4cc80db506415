//! How memory is kept for the next message.

#![allow(unsafe_code, reason = "the one call that no safe interface has")]

/// What is longer has memory of its own, which the system takes back when it is freed; in bytes. A
/// keyframe at usual rates is shorter, and comes again.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OWN: i32 = 512 << 10;

/// Free memory that a loop keeps, in bytes.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT: i32 = 1 << 20;

/// Has buffers of usual messages come from memory that was in use just before. By default, glibc maps
/// what is longer than 128 KiB anew each time: with a thousand publishers that send flat out, every
/// third page written was the system's first, for a quarter of the server's time.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn keep_usual_buffers() {
    // SAFETY: they change what later calls of the allocator do, and nothing that it gave out. When
    // one fails, all stays as it was.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, OWN);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
    }
}

/// Other allocators are left as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn keep_usual_buffers() {}
