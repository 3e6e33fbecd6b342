//! The binary: reads the command line, and everything else is the library's.

use std::process::ExitCode;

use clap::Parser;
use sylk_gateway::cli::Arguments;

/// A call is some hundreds of short-lived allocations; docs/performance.md has what this saves.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    Arguments::parse().run()
}
