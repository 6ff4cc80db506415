//! `cargo edge`: builds the stand-alone WASI programs and the typed component, with whatever
//! toolchain there is, as `cargo guest` does the guest.

#![forbid(unsafe_code)]

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;
use sluicebox_guest_build::{Kind, compile, find, inspect};
use wit_component::{ComponentEncoder, DecodedWasm};

/// Build the stand-alone WASI programs and the typed component.
#[derive(Parser)]
#[command(name = "cargo edge", version)]
struct Cli {
    /// Build in this way only [default: the first that there is]
    #[arg(long)]
    way: Option<Kind>,
    /// Where to put them [default: target/edge of the workspace]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Build nothing: say what this component imports and exports
    #[arg(long, value_name = "FILE")]
    inspect: Option<PathBuf>,
    /// The workspace to build
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/.."))]
    workspace: PathBuf,
}

/// What is built.
struct Artefact {
    package: &'static str,
    module: &'static str,
    /// The name that people see.
    name: &'static str,
    /// What becomes of the module.
    form: Form,
}

#[derive(PartialEq)]
enum Form {
    /// It stays one, and imports preview 1 only.
    Module,
    /// It becomes a component.
    Component,
}

const ARTEFACTS: [Artefact; 4] = [
    Artefact {
        package: "sluicebox-filter",
        module: "sluicebox_filter.wasm",
        name: "sluicebox-filter.wasm",
        form: Form::Module,
    },
    Artefact {
        package: "sluicebox-serve",
        module: "sluicebox_serve.wasm",
        name: "sluicebox-serve.wasm",
        form: Form::Component,
    },
    Artefact {
        package: "sluicebox-serve-p3",
        module: "sluicebox_serve_p3.wasm",
        name: "sluicebox-serve-p3.wasm",
        form: Form::Component,
    },
    Artefact {
        package: "sluicebox-component",
        module: "sluicebox_component.wasm",
        name: "sluicebox-ingest.wasm",
        form: Form::Component,
    },
];

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    if let Some(file) = cli.inspect {
        return interfaces(&fs::read(&file)?).with_context(|| file.display().to_string());
    }
    let way = find(&cli.workspace, cli.way)?;
    println!("built with {way}");
    let packages = ARTEFACTS.map(|artefact| artefact.package);
    // Where the guest's intermediate files are too: the core library is built once for all.
    let modules = compile(&way, &cli.workspace, &cli.workspace.join("target/guest"), &packages)?;
    let output = cli.output.unwrap_or_else(|| cli.workspace.join("target/edge"));
    fs::create_dir_all(&output).with_context(|| format!("cannot make {}", output.display()))?;
    for artefact in ARTEFACTS {
        let module = fs::read(modules.join(artefact.module)).context(artefact.module)?;
        let bytes = finish(&artefact, module).context(artefact.name)?;
        let file = output.join(artefact.name);
        fs::write(&file, &bytes).with_context(|| format!("cannot write {}", file.display()))?;
        println!("{}: {} bytes", file.canonicalize()?.display(), bytes.len());
    }
    Ok(())
}

/// Says what a component imports and exports.
fn interfaces(component: &[u8]) -> Result<()> {
    let decoded = wit_component::decode(component)?;
    let resolve = decoded.resolve();
    let DecodedWasm::Component(_, world) = decoded else { bail!("it is no component") };
    let world = &resolve.worlds[world];
    for (kind, items) in [("imports", &world.imports), ("exports", &world.exports)] {
        for key in items.keys() {
            println!("{kind} {}", resolve.name_world_key(key));
        }
    }
    Ok(())
}

/// Checks a module, and makes a component of it if it is to be one.
fn finish(artefact: &Artefact, module: Vec<u8>) -> Result<Vec<u8>> {
    if artefact.form == Form::Component {
        return ComponentEncoder::default().module(&module)?.validate(true).encode();
    }
    let interface = inspect(&module)?;
    let foreign = |import: &&String| !import.starts_with("wasi_snapshot_preview1.");
    let foreign: Vec<_> = interface.imports.iter().filter(foreign).cloned().collect();
    ensure!(foreign.is_empty(), "it imports {}", foreign.join(", "));
    let exports: Vec<_> = interface.exports.keys().map(String::as_str).collect();
    ensure!(exports == ["_start", "memory"], "it exports {}", exports.join(", "));
    Ok(module)
}
