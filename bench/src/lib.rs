//! Benchmarks of Sluicebox: what they are built from. See README.md for the commands.

pub mod drives;
pub mod latency;
pub mod load;
pub mod measure;
pub mod process;
pub mod random;
pub mod recordings;
pub mod stalls;
pub mod table;
pub mod tail;
pub mod vector;
pub mod verify;
mod wire;
