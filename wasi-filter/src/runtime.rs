//! What a program without a standard library has to bring itself.

use core::panic::PanicInfo;

use crate::{run, wasi};

#[global_allocator]
static MEMORY: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    wasi::say(&alloc::format!("{info}\n"));
    core::arch::wasm32::unreachable()
}

#[unsafe(export_name = "_start")]
extern "C" fn start() {
    wasi::exit(run::run());
}
