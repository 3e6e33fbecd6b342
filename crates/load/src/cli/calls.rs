//! `load calls`: calls without media, through the gateway and with the SIP stack alone.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use media::rtp::Ssrc;
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::process::Command;

use crate::browser::{Credentials, Identity};
use crate::calling::{Found, Plan, call, caller};
use crate::daemon::{Daemon, Setup};
use crate::offer::Offer;
use crate::script::{FarEnd, Manners};

const MANNERS: Manners = Manners {
    granted: 600,
    always_challenge: false,
};
/// Calls before any is measured.
const WARM_UP: u32 = 50;

/// Makes calls that end as soon as they are answered, and tells what they cost.
#[derive(Debug, Args)]
pub(super) struct Calls {
    /// The daemon's program.
    #[arg(long, value_name = "PROGRAM")]
    spawn: PathBuf,
    /// Calls as fast as the pages can; and so many by the SIP stack alone.
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    calls: u32,
    /// Pages that call one after the other; calls under way of the SIP stack alone.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pages: u32,
    /// Calls per second where the time to the INVITE is measured.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=5000))]
    rate: u32,
    /// How long that is measured, in seconds.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
}

/// The program that calls with the SIP stack alone; started by `load calls`.
#[derive(Debug, Args)]
pub(super) struct Caller {
    /// Who is called.
    far_end: SocketAddr,
    /// How often.
    calls: u32,
    /// How many at a time.
    window: u32,
}

impl Caller {
    /// Calls; the CPU time that took, in nanoseconds.
    pub(super) async fn measure(self) -> io::Result<(String, Vec<String>)> {
        let cpu = caller::run(self.far_end, self.calls, self.window).await?;
        Ok((format!("{}\n", cpu.as_nanos()), Vec::new()))
    }
}

impl Calls {
    /// Measures; the table, and what was not well.
    pub(super) async fn measure(self, rng: &mut StdRng) -> io::Result<(String, Vec<String>)> {
        let timed = self.rate * self.seconds;
        let numbers = WARM_UP + self.calls + timed;
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let far_end = FarEnd::start(anywhere, MANNERS, numbers)?;
        let alone = self.alone(far_end.address()).await?;
        let setup = Setup {
            calls: self.pages as usize * 4,
            proxy: Some(format!("sip:{};lr", far_end.address())),
            accounts_per_socket: Some(1),
            sip: String::new(),
        };
        let daemon = Daemon::start_as(&self.spawn, &setup, rng).await?;
        let ws = format!("ws://{}/webrtcgateway/ws", daemon.web());
        let offer: Arc<str> = offer(rng)?.into();
        let plan = |first, calls, rate| Plan {
            first,
            calls,
            pages: self.pages,
            rate,
        };
        let mut rounds = Vec::new();
        for plan in [
            plan(0, WARM_UP, 0),
            plan(WARM_UP, timed, self.rate),
            plan(WARM_UP + timed, self.calls, 0),
        ] {
            rounds.push((plan, call(&ws, daemon.pid(), &far_end, plan, &offer).await?));
        }
        daemon.stop().await?;
        let mut text = format!(
            "| way | calls | s | of them CPU s | calls per CPU s | session-create to INVITE p50 / p99, ms | other work, CPU s per s |\n\
             |---|---|---|---|---|---|---|\n\
             | user agent and driver alone | {} | - | {:.3} | {:.0} | - | - |\n",
            self.calls,
            alone.as_secs_f64(),
            per_second(self.calls, alone),
        );
        let mut problems = Vec::new();
        for (plan, found) in rounds.iter().skip(1) {
            text.push_str(&row(*plan, found));
            problems.extend(found.failures.iter().cloned());
            if found.done < plan.calls {
                problems.push(format!("{} of {} calls went well", found.done, plan.calls));
            }
        }
        Ok((text, problems))
    }

    /// The SIP stack in a process of its own.
    async fn alone(&self, far_end: SocketAddr) -> io::Result<Duration> {
        let output = Command::new(std::env::current_exe()?)
            .arg("caller")
            .arg(far_end.to_string())
            .args([self.calls.to_string(), self.pages.to_string()])
            .stderr(Stdio::inherit())
            .output()
            .await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let nanoseconds = text.trim().parse().map_err(io::Error::other)?;
        Ok(Duration::from_nanos(nanoseconds))
    }
}

/// A page's offer; nobody listens where it says.
fn offer(rng: &mut StdRng) -> io::Result<String> {
    let identity = Identity::generate()?;
    let offer = Offer {
        address: (Ipv4Addr::LOCALHOST, 9).into(),
        credentials: &Credentials::random(rng),
        fingerprint: identity.fingerprint(),
        ssrc: Ssrc(rng.random()),
        video: None,
    };
    Ok(offer.text())
}

fn row(plan: Plan, found: &Found) -> String {
    let way = match plan.rate {
        0 => "gateway, as fast as it can".to_owned(),
        rate => format!("gateway, {rate} per second"),
    };
    let shown = |part| {
        let quantile = found.to_invite.quantile(part);
        quantile.map_or(f64::NAN, |quantile| quantile.as_secs_f64() * 1e3)
    };
    format!(
        "| {way} | {} | {:.1} | {:.3} | {:.0} | {:.2} / {:.2} | {:.2} |\n",
        found.done,
        found.took.as_secs_f64(),
        found.cpu.as_secs_f64(),
        per_second(found.done, found.cpu),
        shown(0.5),
        shown(0.99),
        found.others.as_secs_f64() / found.took.as_secs_f64().max(0.001),
    )
}

fn per_second(count: u32, cpu: Duration) -> f64 {
    f64::from(count) / cpu.as_secs_f64().max(1e-9)
}
