//! What a module without a standard library has to bring itself, besides an allocator.

use core::panic::PanicInfo;

/// There is nobody to tell: the trap says it.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
