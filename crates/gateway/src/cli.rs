//! The command line, and what the process answers it with.
//!
//! Exit codes: 0 done; 1 the daemon could not start or failed; 2 the command line is wrong (clap's
//! own); 3 the configuration is wrong.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;
use crate::config::Log;
use crate::demo::Demo;
use crate::logging;
use crate::signaling::sylkrtc::http::Pages;
use crate::supervisor::{Gateway, StartError};

/// Exit code when the daemon could not start, or failed.
const FAILED: u8 = 1;
/// Exit code when the configuration is wrong.
const BAD_CONFIG: u8 = 3;

/// A SIP/WebRTC gateway for sylkRTC clients.
#[derive(Debug, Parser)]
#[command(name = "sylk-gateway", version, about)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show a first call on this machine: gateway, registrar, far ends and a web phone, on loopback only.
    Demo {
        /// The port of the web phone on localhost.
        #[arg(long, default_value_t = 10888, value_name = "PORT")]
        port: u16,
    },
    /// Serve as the configuration file says.
    Serve {
        /// The configuration file (TOML).
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Only check the file: print what is wrong with it, serve nothing.
        #[arg(long)]
        check: bool,
    },
}

impl Arguments {
    /// Does what the command line says.
    #[must_use]
    pub fn run(self) -> ExitCode {
        match self.command {
            Command::Demo { port } => demonstrate(port),
            Command::Serve { config, check } => {
                let path = config;
                let config = match Config::load(&path) {
                    Ok(config) => config,
                    Err(error) => {
                        say(&error.to_string());
                        return ExitCode::from(BAD_CONFIG);
                    }
                };
                if check {
                    say(&format!("{}: ok", path.display()));
                    return ExitCode::SUCCESS;
                }
                let pages = match &config.web.static_files {
                    Some(directory) => Pages::Directory(directory.clone()),
                    None => Pages::None,
                };
                serve(config, pages)
            }
        }
    }
}

/// Runs the daemon until SIGTERM or SIGINT.
fn serve(config: Config, pages: Pages) -> ExitCode {
    logging::start(&config.log);
    run(async {
        let mut gateway = Gateway::start(config, pages).await?;
        let code = until_signal(&mut gateway).await;
        gateway.stop().await;
        Ok(code)
    })
}

/// Runs the demo until SIGTERM or SIGINT.
fn demonstrate(port: u16) -> ExitCode {
    logging::start(&Log::default());
    run(async {
        let mut demo = Demo::start(port).await?;
        say(&demo.welcome());
        let code = until_signal(demo.gateway()).await;
        demo.stop().await;
        Ok(code)
    })
}

fn run(work: impl Future<Output = Result<ExitCode, StartError>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("signaling")
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            say(&format!("no runtime: {error}"));
            return ExitCode::from(FAILED);
        }
    };
    runtime.block_on(work).unwrap_or_else(|error| {
        say(&error.to_string());
        ExitCode::from(FAILED)
    })
}

async fn until_signal(gateway: &mut Gateway) -> ExitCode {
    let signals = signal(SignalKind::terminate())
        .and_then(|terminate| Ok((terminate, signal(SignalKind::interrupt())?)));
    let (mut terminate, mut interrupt) = match signals {
        Ok(signals) => signals,
        Err(error) => {
            say(&format!("no signals: {error}"));
            return ExitCode::from(FAILED);
        }
    };
    notify(&[sd_notify::NotifyState::Ready]);
    let code = tokio::select! {
        _ = terminate.recv() => ExitCode::SUCCESS,
        _ = interrupt.recv() => ExitCode::SUCCESS,
        () = gateway.failed() => ExitCode::from(FAILED),
    };
    notify(&[sd_notify::NotifyState::Stopping]);
    code
}

/// Tells systemd, if it has started us.
fn notify(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd was not told");
    }
}

/// Speaks to the person at the terminal.
#[expect(clippy::print_stderr, reason = "the command line's own output")]
fn say(text: &str) {
    eprintln!("sylk-gateway: {text}");
}
