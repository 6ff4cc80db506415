//! Builds the guest, and compiles it for the machine this is built for.

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

use sluicebox_guest_build as guest;
use wasmtime::Engine;

include!("src/code.rs");

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-env-changed=SLUICEBOX_BUILD_GUEST");
    let module = match env::var_os("SLUICEBOX_BUILD_GUEST") {
        Some(file) => {
            let file = PathBuf::from(file);
            println!("cargo::rerun-if-changed={}", file.display());
            file
        }
        None => {
            let workspace = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("..");
            for source in ["core", "abi", "wasi-guest", "guest-build", "Cargo.toml", "Cargo.lock"] {
                println!("cargo::rerun-if-changed={}", workspace.join(source).display());
            }
            let built = guest::build(&workspace, &out)?;
            println!("cargo::warning=guest built with {}", built.way);
            built.module
        }
    };
    let mut config = code_settings();
    // Not whatever this machine's processor happens to have.
    config.target(&env::var("TARGET")?)?;
    let code = Engine::new(&config)?.precompile_module(&fs::read(module)?)?;
    fs::write(out.join("guest.cwasm"), code)?;
    Ok(())
}
