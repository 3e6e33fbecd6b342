//! The load generator's program.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    load::cli::Arguments::parse().run()
}
