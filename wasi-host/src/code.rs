// Included by the build script too, so plain comments and no `crate::`.

/// The settings that machine code depends on: the same for who compiles and for who runs it.
fn code_settings() -> wasmtime::Config {
    let mut config = wasmtime::Config::new();
    config
        // Time is bounded by a check at every loop and function.
        .epoch_interruption(true)
        // A memory keeps its place: bounds checks are page protection.
        .memory_may_move(false)
        // The guest's data is small; mapping it instead of copying costs two mappings an instance.
        .memory_init_cow(false)
        // Nothing here is asynchronous.
        .concurrency_support(false)
        // One memory of 32-bit addresses is all that the interface knows.
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        // A trap says what it is; where in a module without names helps nobody.
        .wasm_backtrace_max_frames(None);
    config
}
