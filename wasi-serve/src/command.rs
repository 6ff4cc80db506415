//! The way in, as WASI 0.2 has it.

use crate::run;

struct Command;

impl wasi::exports::cli::run::Guest for Command {
    fn run() -> Result<(), ()> {
        run::run()
    }
}

wasi::cli::command::export!(Command);
