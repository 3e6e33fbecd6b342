//! The command line, and what the process answers it with.
//!
//! Exit codes: 0 measured and all was well; 1 it could not be measured; 2 the command line is
//! wrong (clap's own); 3 measured, and something was not well: it says what.

mod calls;
mod register;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use rand::rngs::StdRng;

use crate::browser::Identity;
use crate::codec::Codec;
use crate::daemon::Daemon;
use crate::far_end::FarEnd;
use crate::generator::Generator;
use crate::health::Health;
use crate::report;
use crate::round::{Round, Scene, Shape};

const FAILED: u8 = 1;
const NOT_WELL: u8 = 3;
/// Without the gateway: long enough for the tail of the distribution.
const DIRECT: Duration = Duration::from_secs(5);
/// SIP transactions over UDP live for 32 s after their end (RFC 3261 §17, Timers D, H and J).
const REST_LIMIT: Duration = Duration::from_secs(45);

/// Loads a sylk-gateway with calls and reports what they cost.
///
/// Without a subcommand: calls with media. The subcommands measure signalling alone.
#[derive(Debug, Parser)]
#[command(
    name = "load",
    version,
    about,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub struct Arguments {
    #[command(subcommand)]
    mode: Option<Mode>,
    #[command(flatten)]
    target: Target,
    /// Calls at once; one round for each number.
    #[arg(long, value_delimiter = ',', default_value = "1,10,50",
          value_parser = clap::value_parser!(u32).range(1..=2000))]
    calls: Vec<u32>,
    /// The measured time of each round, in seconds.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3000))]
    seconds: u64,
    /// New calls per second during set-up.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
    /// What the calls speak.
    #[arg(long, value_enum, default_value = "opus")]
    codec: Codec,
    /// The domain of the clients' accounts; they are added, not registered.
    #[arg(long, default_value = "load.test")]
    domain: String,
    /// Where the far end speaks SIP (UDP); port 0 lets the system choose.
    #[arg(long, default_value = "127.0.0.1:0")]
    far_end: SocketAddr,
}

/// Signalling alone.
#[derive(Debug, Subcommand)]
enum Mode {
    Register(register::Register),
    Calls(calls::Calls),
    #[command(hide = true)]
    Caller(calls::Caller),
}

/// The gateway to load.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Target {
    /// The daemon's program; started anew for each round, on ports of its own.
    #[arg(long, value_name = "PROGRAM", conflicts_with_all = ["ws", "gateway_pid"])]
    spawn: Option<PathBuf>,
    /// The WebSocket of a running gateway, as ws://127.0.0.1:PORT/webrtcgateway/ws. It must
    /// allow loopback addresses in phones' SDP, and any domain.
    #[arg(long, value_name = "URL", requires = "gateway_pid")]
    ws: Option<String>,
    /// The process of that gateway.
    #[arg(long, value_name = "PID", requires = "ws")]
    gateway_pid: Option<u32>,
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

    async fn perform(mut self) -> io::Result<Vec<String>> {
        let mut rng: StdRng = rand::make_rng();
        let (text, problems) = match self.mode.take() {
            None => self.measure(&mut rng).await?,
            Some(Mode::Register(register)) => register.measure(&mut rng).await?,
            Some(Mode::Calls(calls)) => calls.measure(&mut rng).await?,
            Some(Mode::Caller(caller)) => caller.measure().await?,
        };
        print(&text)?;
        Ok(problems)
    }

    async fn measure(self, rng: &mut StdRng) -> io::Result<(String, Vec<String>)> {
        let far_end = Arc::new(FarEnd::start(self.far_end, self.codec)?);
        let generator = Arc::new(Generator::start()?);
        let identity = Arc::new(Identity::generate()?);
        let mut rounds = Vec::new();
        let mut problems = Vec::new();
        let mut next_call = 1;
        for calls in &self.calls {
            let (daemon, ws, pid) = self.gateway(*calls, rng).await?;
            let scene = Arc::new(Scene {
                ws,
                pid,
                domain: self.domain.clone(),
                called: format!("echo@{}", far_end.address()),
                codec: self.codec,
                identity: identity.clone(),
                generator: generator.clone(),
                far_end: far_end.clone(),
            });
            let shape = Shape {
                calls: *calls,
                time: Duration::from_secs(self.seconds),
                direct: DIRECT,
                rate: f64::from(self.rate),
            };
            Round::warm_up(&scene, next_call, rng).await?;
            next_call += 1;
            say(&format!("{calls} calls ..."));
            let round = Round::play(&scene, shape, next_call, rng).await?;
            next_call += calls;
            let about = |problem| format!("{calls} calls: {problem}");
            problems.extend(report::problems(&round).into_iter().map(about));
            rounds.push(round);
            if let Some(daemon) = daemon {
                let left = end(daemon).await?;
                problems.extend(left.into_iter().map(about));
            }
            if far_end.calls() > 0 {
                problems.push(about(format!("{} calls without BYE", far_end.calls())));
            }
        }
        Ok((report::table(&rounds), problems))
    }

    async fn gateway(
        &self,
        calls: u32,
        rng: &mut StdRng,
    ) -> io::Result<(Option<Daemon>, String, u32)> {
        match &self.target {
            Target {
                spawn: Some(program),
                ..
            } => {
                let daemon = Daemon::start(program, calls as usize, rng).await?;
                let ws = format!("ws://{}/webrtcgateway/ws", daemon.web());
                let pid = daemon.pid();
                Ok((Some(daemon), ws, pid))
            }
            Target {
                ws: Some(ws),
                gateway_pid: Some(pid),
                ..
            } => Ok((None, ws.clone(), *pid)),
            Target { .. } => Err(io::Error::other("a gateway is needed: --spawn or --ws")),
        }
    }
}

/// Waits until the daemon is at rest, then stops it; what was left.
async fn end(daemon: Daemon) -> io::Result<Vec<String>> {
    say("waiting for the ledger to read zero ...");
    let left = Health::at_rest(daemon.web(), REST_LIMIT).await?.left();
    daemon.stop().await?;
    let about = |what| format!("the ledger still has {what}");
    Ok(left.into_iter().map(about).collect())
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
