//! What a program without a standard library has to bring itself.

use core::panic::PanicInfo;

use crate::system;

#[global_allocator]
static MEMORY: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    system::say(&alloc::format!("{info}\n"));
    core::arch::wasm32::unreachable()
}
