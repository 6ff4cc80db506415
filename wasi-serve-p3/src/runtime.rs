//! What a program without a standard library has to bring itself.

use core::panic::PanicInfo;

use crate::{run, system};

#[global_allocator]
static MEMORY: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    system::say(&alloc::format!("{info}\n"));
    core::arch::wasm32::unreachable()
}

struct Command;

impl wasip3::exports::cli::run::Guest for Command {
    async fn run() -> Result<(), ()> {
        run::run().await
    }
}

wasip3::cli::command::export!(Command);
