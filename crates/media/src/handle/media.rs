//! The media path as a whole: its workers, and what they share.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rand::SeedableRng;
use rand::rngs::StdRng;
use ring::rand::SecureRandom;

use super::{WorkerHandle, browser_ports};
use crate::browser_leg::Identity;
use crate::config::MediaConfig;
use crate::endpoints::Fingerprint;
use crate::ports::PortPool;
use crate::worker::{self, Gauges};

/// The running media path: worker threads and their sockets. Dropping it ends them.
#[derive(Debug)]
pub struct Media {
    workers: Vec<WorkerHandle>,
    threads: Vec<JoinHandle<()>>,
    common: Arc<Common>,
}

/// What all workers share.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) identity: Arc<Identity>,
    pub(super) ports: Arc<PortPool>,
    /// What phones are told, the preferred one first; never empty.
    pub(super) phone_ips: Arc<[IpAddr]>,
    pub(super) next_leg: AtomicU64,
    pub(super) next_turn: AtomicUsize,
    pub(super) rng: Mutex<StdRng>,
}

impl Media {
    /// Makes a certificate, binds every worker's port and starts the threads.
    ///
    /// # Errors
    /// When a port cannot be bound, a thread cannot be started, or a bound address is
    /// unspecified (`0.0.0.0`) and none to advertise is given.
    pub fn start(config: MediaConfig) -> io::Result<Self> {
        let first = config.phone.advertised.first().copied();
        let first = advertised(config.phone.bind, first)?;
        let others = config.phone.advertised.iter().skip(1).copied();
        let phone_ips = std::iter::once(first).chain(others).collect();
        let mut rng = StdRng::from_seed(seed_from_system()?);
        let ports = PortPool::new(config.phone.bind, &config.phone.ports, &mut rng);
        let common = Arc::new(Common {
            identity: Arc::new(Identity::generate()?),
            ports: Arc::new(ports),
            phone_ips,
            next_leg: AtomicU64::new(0),
            next_turn: AtomicUsize::new(0),
            rng: Mutex::new(rng),
        });
        let mut media = Self {
            workers: Vec::new(),
            threads: Vec::new(),
            common: common.clone(),
        };
        for index in 0..config.workers.max(1) {
            let (sockets, candidates) = browser_ports::bind(&config.browser, index)?;
            let started = worker::start(
                format!("media-{index}"),
                sockets,
                common.identity.clone(),
                config.limits,
                seed_from_system()?,
            )?;
            media.threads.push(started.thread);
            media.workers.push(WorkerHandle {
                mailbox: started.mailbox,
                gauges: started.gauges,
                candidates: Arc::new(candidates),
                common: common.clone(),
            });
        }
        Ok(media)
    }

    /// The worker with the fewest browser legs, for the next call: both legs of a call must
    /// live on the same one. One that has ended is asked only when there is no other.
    #[must_use]
    pub fn worker(&self) -> WorkerHandle {
        let turn = self.common.next_turn.fetch_add(1, Ordering::Relaxed) % self.workers.len();
        let (before, from_turn) = self.workers.split_at(turn);
        // Their gauges lag behind a burst of calls; among equals they take turns.
        let least_loaded = from_turn.iter().chain(before).min_by_key(|worker| {
            let ended = worker.gauges.running.load(Ordering::Relaxed) == 0;
            (ended, worker.gauges.browser_legs.load(Ordering::Relaxed))
        });
        least_loaded.expect("at least one worker").clone()
    }

    /// The fingerprint of the process's certificate.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.common.identity.fingerprint()
    }

    /// What is alive, for the ledger.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let sum = |gauge: fn(&Gauges) -> usize| -> usize {
            self.workers
                .iter()
                .map(|worker| gauge(&worker.gauges))
                .sum()
        };
        let phone_ports = self.common.ports.in_use();
        Counts {
            browser_legs: sum(|gauges| gauges.browser_legs.load(Ordering::Relaxed)),
            phone_legs: sum(|gauges| gauges.phone_legs.load(Ordering::Relaxed)),
            phone_ports,
            browser_connections: sum(|gauges| gauges.connections.load(Ordering::Relaxed)),
            phone_sockets: phone_ports,
            timers: sum(|gauges| gauges.timers.load(Ordering::Relaxed)),
            threads: sum(|gauges| gauges.running.load(Ordering::Relaxed)),
        }
    }

    /// Datagrams at the browsers' ports that belonged to no leg, since the start.
    #[must_use]
    pub fn strangers(&self) -> u64 {
        let counts = self.workers.iter();
        counts
            .map(|worker| worker.gauges.strangers.load(Ordering::Relaxed))
            .sum()
    }

    /// Closes every leg and joins the threads.
    pub fn shutdown(mut self) {
        self.end();
    }

    fn end(&mut self) {
        for worker in &self.workers {
            worker.mailbox.close();
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a media worker had panicked");
            }
        }
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        self.end();
    }
}

fn seed_from_system() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    ring::rand::SystemRandom::new()
        .fill(&mut seed)
        .map_err(|_| io::Error::other("the system has no randomness"))?;
    Ok(seed)
}

pub(super) fn advertised(bound: IpAddr, configured: Option<IpAddr>) -> io::Result<IpAddr> {
    match configured {
        Some(address) => Ok(address),
        None if bound.is_unspecified() => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "an unspecified media address needs one to advertise",
        )),
        None => Ok(bound),
    }
}

/// What is alive in the media path. All zero after every handle has been dropped, except
/// threads and sockets of the workers, which [`Media::shutdown`] takes down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Legs towards browsers.
    pub browser_legs: usize,
    /// Legs towards phones.
    pub phone_legs: usize,
    /// Ports taken from the phone range.
    pub phone_ports: usize,
    /// TCP connections of browsers.
    pub browser_connections: usize,
    /// Sockets of phone legs.
    pub phone_sockets: usize,
    /// Timers of legs.
    pub timers: usize,
    /// Worker threads.
    pub threads: usize,
}
