//! The way in, as WASI 0.3 has it.

use crate::run;

struct Command;

impl wasip3::exports::cli::run::Guest for Command {
    async fn run() -> Result<(), ()> {
        run::run().await
    }
}

wasip3::cli::command::export!(Command);
