//! Accounts that register through the gateway: what bringing one up costs, what keeping it
//! costs, and what it holds.

use std::io;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::crowd::Crowd;
use crate::process::{Usage, machine_cpu, threads_and_descriptors};
use crate::script::{DOMAIN, FarEnd};

/// Transactions rest for T4, 5 s, after their end (RFC 3261 §17.1.2.2).
const SETTLE: Duration = Duration::from_secs(7);

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Accounts in all.
    pub accounts: usize,
    /// WebSockets that they share.
    pub sockets: usize,
    /// Accounts under way at a time, in all.
    pub window: usize,
    /// New accounts per second; 0: as fast as the window allows.
    pub rate: u32,
    /// How long refreshes are watched.
    pub watch: Duration,
}

/// What a process holds.
#[derive(Clone, Copy, Debug)]
pub struct Holding {
    /// Resident memory in bytes.
    pub resident: u64,
    /// Threads.
    pub threads: usize,
    /// Open descriptors.
    pub descriptors: usize,
}

impl Holding {
    /// Of this process.
    ///
    /// # Errors
    /// When it may not be looked at.
    pub fn of(pid: u32) -> io::Result<Self> {
        let (threads, descriptors) = threads_and_descriptors(pid)?;
        Ok(Self {
            resident: Usage::of(pid)?.resident,
            threads,
            descriptors,
        })
    }
}

/// What became of it.
#[derive(Debug)]
pub struct Found {
    /// Accounts that came up.
    pub up: usize,
    /// How long that took.
    pub took: Duration,
    /// CPU time of the gateway meanwhile.
    pub cpu: Duration,
    /// CPU time of everything but gateway and generator meanwhile.
    pub others: Duration,
    /// REGISTERs that were challenged meanwhile.
    pub challenged: u64,
    /// Refreshes while they were watched.
    pub refreshed: u64,
    /// CPU time of the gateway for them.
    pub refresh_cpu: Duration,
    /// Before the first account, WebSockets open.
    pub before: Holding,
    /// With all accounts up and at rest.
    pub after: Holding,
    /// What went wrong.
    pub failures: Vec<String>,
}

/// Brings the accounts up and watches their refreshes. The crowd is given back to be kept or let go.
///
/// # Errors
/// When the machine, not the gateway, stands in the way.
pub async fn register(
    ws: &str,
    pid: u32,
    far_end: &FarEnd,
    plan: Plan,
) -> io::Result<(Found, JoinSet<()>)> {
    let mut crowds = Vec::new();
    for socket in 0..plan.sockets {
        let mut crowd = Crowd::open(ws).await.map_err(io::Error::other)?;
        let warm = [(format!("warm{socket}@{DOMAIN}"), Instant::now())];
        crowd.register(&warm, 1).await.map_err(io::Error::other)?;
        crowds.push(crowd);
    }
    sleep(SETTLE).await;
    let before = Holding::of(pid)?;
    let seen = far_end.seen();
    let start = Instant::now();
    let (usage, ours) = (Usage::of(pid)?, Usage::of(std::process::id())?);
    let machine = machine_cpu()?;
    let mut working = JoinSet::new();
    for (socket, mut crowd) in crowds.into_iter().enumerate() {
        let accounts = accounts_of(socket, plan, start);
        let window = plan.window.div_ceil(plan.sockets);
        working.spawn(async move {
            let outcome = crowd.register(&accounts, window).await;
            (crowd, outcome)
        });
    }
    let (mut up, mut failures, mut keeping) = (0, Vec::new(), JoinSet::new());
    while let Some(done) = working.join_next().await {
        let (mut crowd, outcome) = done.map_err(io::Error::other)?;
        match outcome {
            Ok((registered, failed)) => {
                up += registered;
                failures.extend(failed);
            }
            Err(error) => failures.push(error.to_string()),
        }
        keeping.spawn(async move {
            crowd.stay().await;
        });
    }
    let took = start.elapsed();
    let cpu = Usage::of(pid)?.cpu_since(&usage);
    let others = machine_cpu()?
        .saturating_sub(machine)
        .saturating_sub(cpu + Usage::of(std::process::id())?.cpu_since(&ours));
    let registered = far_end.seen();
    sleep(SETTLE).await;
    let after = Holding::of(pid)?;
    let (usage, quiet) = (Usage::of(pid)?, far_end.seen());
    sleep(plan.watch).await;
    Ok((
        Found {
            up,
            took,
            cpu,
            others,
            challenged: registered.challenged - seen.challenged,
            refreshed: far_end.seen().registered - quiet.registered,
            refresh_cpu: Usage::of(pid)?.cpu_since(&usage),
            before,
            after,
            failures,
        },
        keeping,
    ))
}

/// The accounts of one WebSocket with the turn of each.
fn accounts_of(socket: usize, plan: Plan, start: Instant) -> Vec<(String, Instant)> {
    let gap = match plan.rate {
        0 => Duration::ZERO,
        rate => Duration::from_secs(1) / rate,
    };
    (socket..plan.accounts)
        .step_by(plan.sockets)
        .map(|number| {
            (
                format!("user{number}@{DOMAIN}"),
                start + gap * number as u32,
            )
        })
        .collect()
}

/// How the accounts come back to a registrar that was away.
#[derive(Debug)]
pub struct Return {
    /// Bindings that were made, and how long after its return the last one was.
    pub bound: u64,
    /// From the registrar's return to the last binding.
    pub took: Duration,
    /// The most bindings within one second, as the registrar has seen them.
    pub most_per_second: usize,
}

/// Sends the registrar away for a while, and waits until as many bindings as there are accounts
/// have been made again, or the limit has passed.
///
/// # Errors
/// Never, so far.
pub async fn come_back(
    far_end: &FarEnd,
    accounts: u64,
    away: Duration,
    limit: Duration,
) -> io::Result<Return> {
    far_end.go_away();
    sleep(away).await;
    let before = far_end.seen().registered;
    far_end.forget_pace();
    far_end.come_back();
    let start = Instant::now();
    let mut bound = 0;
    let mut took = Duration::ZERO;
    while bound < accounts && start.elapsed() < limit {
        sleep(Duration::from_millis(5)).await;
        let now = far_end.seen().registered - before;
        if now > bound {
            (bound, took) = (now, start.elapsed());
        }
    }
    Ok(Return {
        bound,
        took,
        most_per_second: far_end.seen().pace.most(),
    })
}
