//! Replays the corpus against this build of the core: exported sessions and captured ones, whole and
//! byte by byte. For `mutants`, which builds it with a broken core: panics and all are caught.

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

use clap::Parser;
use sluicebox_core::Config;
use sluicebox_tests::flv;
use sluicebox_tests::fuzz::{Policy, run};
use sluicebox_tests::transcript::transcript;
use sluicebox_tests::{soak, vector};

/// Above this, a session is not fed byte by byte, in bytes.
const LONG: usize = 1 << 20;

/// Replays the corpus. Prints a line for each session: `ok NAME`, or `failed NAME`.
#[derive(Parser)]
struct Arguments {
    /// Sessions that `core::golden::export` made, a folder each.
    sessions: PathBuf,
    /// What they must give.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/core/golden"))]
    golden: PathBuf,
}

fn main() -> io::Result<ExitCode> {
    let arguments = Arguments::parse();
    // What fails is told in a line; how, is for the tests themselves to tell.
    std::panic::set_hook(Box::new(|_| ()));
    let mut failed = 0;
    let mut check = |name: &str, holds: &(dyn Fn() -> bool + std::panic::RefUnwindSafe)| {
        println!("begun {name}");
        let holds = catch_unwind(holds).unwrap_or(false);
        println!("{} {name}", if holds { "ok" } else { "failed" });
        failed += usize::from(!holds);
    };
    for folder in folders(&arguments.sessions)? {
        let name = folder.file_name().expect("a folder has a name").to_string_lossy().into_owned();
        let bytes = fs::read(folder.join("in.bin"))?;
        let expected = fs::read_to_string(arguments.golden.join(format!("{name}.txt")))?;
        check(&name, &|| transcript(&bytes) == expected && same_in_bytes(&bytes));
    }
    for vector in vector::all() {
        let lines = || {
            let whole = run(Config::default(), Policy::Accept, [vector.bytes.as_slice()]);
            let tags = flv::parse_tags(whole.only_tags()).expect("whole tags");
            tags.iter().map(flv::Tag::line).collect::<Vec<_>>()
        };
        check(&vector.name, &|| lines() == vector.tags && same_in_bytes(&vector.bytes));
    }
    check("more than 4 GiB", &|| {
        soak::assert_acknowledged(soak::driver());
        true
    });
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn folders(root: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(root)?.collect::<io::Result<Vec<_>>>()?;
    let mut folders: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    folders.sort();
    Ok(folders)
}

/// Whether the same comes out when the input comes byte by byte.
fn same_in_bytes(bytes: &[u8]) -> bool {
    let outcome = |len| run(Config::default(), Policy::Accept, bytes.chunks(len));
    bytes.len() > LONG || outcome(1) == outcome(bytes.len())
}
