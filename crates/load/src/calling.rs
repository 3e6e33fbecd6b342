//! Calls without media, from INVITE to BYE: what one costs the gateway, what it costs the SIP
//! stack and its driver alone, and how soon a `session-create` is an INVITE on the wire.

pub mod caller;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::crowd::Crowd;
use crate::histogram::Histogram;
use crate::process::{Usage, machine_cpu};
use crate::script::{DOMAIN, FarEnd};

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The number of the first call.
    pub first: u32,
    /// Calls in all.
    pub calls: u32,
    /// Pages that call one after the other.
    pub pages: u32,
    /// Calls per second; 0: each page calls as soon as its last call is over.
    pub rate: u32,
}

/// What became of it.
#[derive(Debug)]
pub struct Found {
    /// Calls that were answered and ended.
    pub done: u32,
    /// CPU time of the gateway meanwhile.
    pub cpu: Duration,
    /// How long it took.
    pub took: Duration,
    /// CPU time of everything but gateway and generator meanwhile.
    pub others: Duration,
    /// From `session-create` being written to the INVITE being read.
    pub to_invite: Histogram,
    /// What went wrong.
    pub failures: Vec<String>,
}

/// Makes the calls through the gateway.
///
/// # Errors
/// When the machine, not the gateway, stands in the way.
pub async fn call(
    ws: &str,
    pid: u32,
    far_end: &FarEnd,
    plan: Plan,
    offer: &Arc<str>,
) -> io::Result<Found> {
    let mut crowds = Vec::new();
    for page in 0..plan.pages {
        let mut crowd = Crowd::open(ws).await.map_err(io::Error::other)?;
        let account = format!("page{page}@{DOMAIN}");
        crowd.add(&account).await.map_err(io::Error::other)?;
        crowds.push((crowd, account));
    }
    let start = Instant::now();
    let (usage, ours) = (Usage::of(pid)?, Usage::of(std::process::id())?);
    let machine = machine_cpu()?;
    let mut working = JoinSet::new();
    for (page, (crowd, account)) in crowds.into_iter().enumerate() {
        let numbers = (page as u32..plan.calls).step_by(plan.pages as usize);
        let turns: Vec<(u32, Instant)> = numbers
            .map(|number| (plan.first + number, start + gap(plan.rate) * number))
            .collect();
        working.spawn(one_page(crowd, account, turns, offer.clone()));
    }
    let mut found = Found {
        done: 0,
        cpu: Duration::ZERO,
        took: Duration::ZERO,
        others: Duration::ZERO,
        to_invite: Histogram::default(),
        failures: Vec::new(),
    };
    let mut left = Vec::new();
    while let Some(page) = working.join_next().await {
        let (calls, failure) = page.map_err(io::Error::other)?;
        found.done += calls.len() as u32;
        left.extend(calls);
        found.failures.extend(failure);
    }
    found.took = start.elapsed();
    found.cpu = Usage::of(pid)?.cpu_since(&usage);
    found.others = machine_cpu()?
        .saturating_sub(machine)
        .saturating_sub(found.cpu + Usage::of(std::process::id())?.cpu_since(&ours));
    let arrivals = far_end.seen().arrivals;
    for (number, left) in left {
        if let Some(Some(arrived)) = arrivals.get(number as usize) {
            let took = arrived.saturating_duration_since(left.into_std());
            found.to_invite.record(took);
        }
    }
    Ok(found)
}

fn gap(rate: u32) -> Duration {
    match rate {
        0 => Duration::ZERO,
        rate => Duration::from_secs(1) / rate,
    }
}

/// The calls that went well with the time each left, and what went wrong with the next one.
async fn one_page(
    mut crowd: Crowd,
    account: String,
    turns: Vec<(u32, Instant)>,
    offer: Arc<str>,
) -> (Vec<(u32, Instant)>, Option<String>) {
    let mut done = Vec::with_capacity(turns.len());
    for (number, turn) in turns {
        sleep_until(turn).await;
        match crowd.call(&account, number, &offer).await {
            Ok(left) => done.push((number, left)),
            Err(error) => return (done, Some(format!("call {number}: {error}"))),
        }
    }
    (done, None)
}
