//! The binary: reads the command line, and everything else is the library's.

use std::process::ExitCode;

use clap::Parser;
use sylk_gateway::cli::Arguments;

fn main() -> ExitCode {
    Arguments::parse().run()
}
