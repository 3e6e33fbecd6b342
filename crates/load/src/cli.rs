//! The command line, and what the process answers it with.
//!
//! Exit codes: 0 measured and all was well; 1 it could not be measured; 2 the command line is
//! wrong (clap's own); 3 measured, and something was not well: it says what.

mod calls;
mod media;
mod register;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rand::rngs::StdRng;

use crate::{awake, relay};

const FAILED: u8 = 1;
const NOT_WELL: u8 = 3;

/// Loads a sylk-gateway and reports what that costs.
#[derive(Debug, Parser)]
#[command(name = "load", version, about)]
pub struct Arguments {
    #[command(subcommand)]
    mode: Mode,
}

/// With media, or signalling alone.
#[derive(Debug, Subcommand)]
enum Mode {
    Media(media::Media),
    Register(register::Register),
    Calls(calls::Calls),
    #[command(hide = true)]
    Caller(calls::Caller),
    /// Relays datagrams; started by `load media`.
    #[command(hide = true)]
    Relay,
    /// Keeps a core awake; started by `load media`.
    #[command(hide = true)]
    Spin,
}

impl Arguments {
    /// Measures, and prints the table.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let outcome = runtime.and_then(|runtime| runtime.block_on(self.perform()));
        match outcome {
            Ok(problems) if problems.is_empty() => ExitCode::SUCCESS,
            Ok(problems) => {
                for problem in problems {
                    say(&problem);
                }
                ExitCode::from(NOT_WELL)
            }
            Err(error) => {
                say(&error.to_string());
                ExitCode::from(FAILED)
            }
        }
    }

    async fn perform(self) -> io::Result<Vec<String>> {
        let mut rng: StdRng = rand::make_rng();
        let (text, problems) = match self.mode {
            Mode::Media(media) => media.measure(&mut rng).await?,
            Mode::Register(register) => register.measure(&mut rng).await?,
            Mode::Calls(calls) => calls.measure(&mut rng).await?,
            Mode::Caller(caller) => caller.measure().await?,
            Mode::Relay => (relay::forward::run().map(|()| String::new())?, Vec::new()),
            Mode::Spin => (awake::spin().map(|()| String::new())?, Vec::new()),
        };
        print(&text)?;
        Ok(problems)
    }
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Speaks to the person at the terminal.
#[expect(clippy::print_stderr, reason = "the command line's own output")]
fn say(text: &str) {
    eprintln!("load: {text}");
}
