//! `load register`: accounts that register through the gateway, and beside it through Janus.

use std::fmt::Write;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use rand::rngs::StdRng;

use crate::daemon::{Daemon, Setup};
use crate::janus;
use crate::registering::{Found, Plan, Return, come_back, register};
use crate::script::{FarEnd, Manners};

/// How long accounts may take to come back.
const RETURN_LIMIT: Duration = Duration::from_secs(120);

/// Registers accounts and tells what they cost.
#[derive(Debug, Args)]
pub(super) struct Register {
    /// The daemon's program.
    #[arg(long, value_name = "PROGRAM")]
    spawn: PathBuf,
    /// Accounts in all.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    accounts: u32,
    /// WebSockets that they share.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=500))]
    sockets: u32,
    /// Registrations under way at a time.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    window: u32,
    /// New accounts per second; 0: as fast as the window allows.
    #[arg(long, default_value_t = 0)]
    rate: u32,
    /// How long refreshes are watched, in seconds.
    #[arg(long, default_value_t = 30)]
    watch: u64,
    /// The life of a binding, in seconds; it is refreshed between half of it and nine tenths.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(30..=86_400))]
    granted: u32,
    /// Challenge every REGISTER with a new nonce, so that each refresh takes two.
    #[arg(long)]
    always_challenge: bool,
    /// Register over one TCP connection instead of UDP; then the registrar goes away for so many
    /// seconds and comes back.
    #[arg(long, value_name = "SECONDS")]
    away: Option<u64>,
    /// The daemon's own pace, registrations begun per second; 0 lifts it.
    #[arg(long, default_value_t = 0)]
    pace: u32,
    /// More lines for the table `[sip]` of the daemon's configuration.
    #[arg(long, value_name = "TOML", default_value = "")]
    sip: String,
    /// Janus's program: as many accounts as `--janus-accounts` register through its SIP plug-in in the same run.
    #[arg(long, value_name = "PROGRAM")]
    janus: Option<PathBuf>,
    /// Accounts for Janus, which registers them one after the other.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    janus_accounts: u32,
}

impl Register {
    /// Measures; the table, and what was not well.
    pub(super) async fn measure(self, rng: &mut StdRng) -> io::Result<(String, Vec<String>)> {
        let manners = Manners {
            granted: self.granted,
            always_challenge: self.always_challenge,
        };
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let far_end = FarEnd::start(anywhere, manners, 0)?;
        let transport = if self.away.is_some() {
            ";transport=tcp"
        } else {
            ""
        };
        let setup = Setup {
            calls: 10,
            proxy: Some(format!("sip:{}{transport};lr", far_end.address())),
            accounts_per_socket: Some(self.accounts as usize + 1),
            sip: format!(
                "registration_expiry_seconds = {}\n{}\n[sip.registration]\nper_second = {}\n",
                self.granted.max(60),
                self.sip,
                self.pace,
            ),
        };
        let daemon = Daemon::start_as(&self.spawn, &setup, rng).await?;
        let ws = format!("ws://{}/webrtcgateway/ws", daemon.web());
        let plan = Plan {
            accounts: self.accounts as usize,
            sockets: self.sockets.min(self.accounts) as usize,
            window: self.window as usize,
            rate: self.rate,
            watch: Duration::from_secs(self.watch),
        };
        let (found, keeping) = register(&ws, daemon.pid(), &far_end, plan).await?;
        let mut text = table(&found, plan);
        let mut problems = found.failures.clone();
        if found.up < plan.accounts {
            problems.push(format!(
                "{} of {} accounts came up",
                found.up, plan.accounts
            ));
        }
        if let Some(away) = self.away {
            // The accounts of the warm-up come back too.
            let all = (plan.accounts + plan.sockets) as u64;
            let away = Duration::from_secs(away);
            let back = come_back(&far_end, all, away, RETURN_LIMIT).await?;
            text.push_str(&returned(&back));
            if back.bound < all {
                problems.push(format!("{} of {all} accounts came back", back.bound));
            }
        }
        drop(keeping);
        daemon.stop().await?;
        if let Some(program) = &self.janus {
            let janus = janus::register(program, &far_end, self.janus_accounts, rng).await?;
            let ours = per_second(found.up as u64, found.cpu);
            let theirs = per_second(janus.up.into(), janus.cpu);
            writeln!(
                text,
                "\nJanus {}: {} accounts in {:.1} s, {:.3} CPU s: {theirs:.0} per CPU s. Ratio: {:.1}",
                janus.version, janus.up, janus.took.as_secs_f64(), janus.cpu.as_secs_f64(), ours / theirs,
            )
            .map_err(io::Error::other)?;
        }
        Ok((text, problems))
    }
}

fn table(found: &Found, plan: Plan) -> String {
    let accounts = plan.accounts.max(1) as f64;
    let grown = found.after.resident as f64 - found.before.resident as f64;
    format!(
        "| accounts | WebSockets | s | of them CPU s | registrations per CPU s | challenged \
         | refreshes per s | refreshes per CPU s | kB per account | threads | descriptors | other work, CPU s per s |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|\n\
         | {} | {} | {:.2} | {:.3} | {:.0} | {} | {:.0} | {:.0} | {:.2} | {} to {} | {} to {} | {:.2} |\n",
        found.up,
        plan.sockets,
        found.took.as_secs_f64(),
        found.cpu.as_secs_f64(),
        per_second(found.up as u64, found.cpu),
        found.challenged,
        found.refreshed as f64 / plan.watch.as_secs_f64().max(1.0),
        per_second(found.refreshed, found.refresh_cpu),
        grown / accounts / 1e3,
        found.before.threads,
        found.after.threads,
        found.before.descriptors,
        found.after.descriptors,
        found.others.as_secs_f64() / found.took.as_secs_f64().max(0.001),
    )
}

fn returned(back: &Return) -> String {
    format!(
        "\nBack after the registrar's return: {} bindings in {:.2} s, at most {} within a second\n",
        back.bound,
        back.took.as_secs_f64(),
        back.most_per_second,
    )
}

fn per_second(count: u64, cpu: Duration) -> f64 {
    count as f64 / cpu.as_secs_f64().max(1e-9)
}
