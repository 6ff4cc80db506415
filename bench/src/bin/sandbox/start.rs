//! From the start of the process until it serves, and what it has by then.

use anyhow::Result;
use sluicebox_bench::process::Memory;
use sluicebox_bench::table;

use crate::Args;
use crate::server::{Server, Target, beside};
use crate::sizes;
use crate::values::{median, mib, spread};

const CASE: &str = "start";
/// Starts of each server, whatever the repeats of other cases: they are short.
const RUNS: usize = 20;

/// The server whose sandbox has a compiler.
pub(crate) const COMPILER: &str = "sluicebox-host-compiler";

/// Milliseconds and memory of each start.
#[derive(Default)]
struct Starts {
    listening: Vec<f64>,
    answering: Vec<f64>,
    memory: Vec<Memory>,
}

/// Starts both servers, and the one with a compiler if it is there.
pub(crate) fn compare(args: &Args) -> Result<()> {
    if !args.wants(CASE) {
        return Ok(());
    }
    let mut targets = vec![Target::native()?, Target::sandboxed()?];
    let compiler = beside(COMPILER)?;
    if compiler.is_file() {
        targets.push(Target::server("sandboxed, with a compiler", compiler.clone()));
        if let Some(guest) = sizes::guest(args)? {
            let guest = ["--guest".to_owned(), guest.display().to_string()];
            targets.push(Target::server("the same, compiling a guest", compiler).with(guest));
        }
    }
    let mut all: Vec<Starts> = targets.iter().map(|_| Starts::default()).collect();
    for _ in 0..RUNS {
        for (target, starts) in targets.iter().zip(&mut all) {
            let server = Server::start(target, args)?;
            starts.listening.push(server.listening.as_secs_f64() * 1e3);
            starts.answering.push(server.answering.as_secs_f64() * 1e3);
            starts.memory.push(server.memory);
        }
    }
    println!("### Start, {RUNS} times\n");
    table::header(&[
        "server",
        "listens after ms",
        "answers after ms",
        "RSS MiB",
        "page tables MiB",
        "mappings",
        "address space GiB",
    ]);
    for (target, starts) in targets.iter().zip(&all) {
        let memory = |of: fn(&Memory) -> f64, digits| {
            let values: Vec<_> = starts.memory.iter().map(of).collect();
            median(&values, digits)
        };
        table::row(&[
            target.name.to_owned(),
            spread(&starts.listening, 1),
            spread(&starts.answering, 1),
            memory(|memory| mib(memory.resident), 1),
            memory(|memory| mib(memory.page_tables), 2),
            memory(|memory| memory.mappings as f64, 0),
            memory(|memory| mib(memory.virtual_size) / 1024.0, 1),
        ]);
    }
    println!();
    Ok(())
}
