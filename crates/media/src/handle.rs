//! Public handles: what signalling holds of the media path.
//!
//! All calls return at once: they put a command into the worker's bounded mailbox.
//! A leg lives as long as its handle; dropping the handle closes the leg, frees its
//! ports and makes its last event, [`LegEvent::Stats`].

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use ring::rand::SecureRandom;

use crate::browser_leg::{Credentials, Identity};
use crate::config::MediaConfig;
use crate::dtmf::Dtmf;
use crate::endpoints::{
    BrowserLocal, BrowserRemote, DtlsRole, Fingerprint, PhoneLocal, PhoneRemote, Ssrc,
};
use crate::event::{LegEvent, LegStats};
use crate::ports::{self, PortPool};
use crate::relay::Relay;
use crate::worker::{self, BrowserOpening, Command, Gauges, LegId, Mailbox, PhoneOpening};

/// The running media path: worker threads and their sockets. Dropping it ends them.
#[derive(Debug)]
pub struct Media {
    workers: Vec<WorkerHandle>,
    threads: Vec<JoinHandle<()>>,
    common: Arc<Common>,
}

/// What all workers share.
#[derive(Debug)]
struct Common {
    identity: Arc<Identity>,
    ports: Arc<PortPool>,
    phone_ip: IpAddr,
    next_leg: AtomicU64,
    next_turn: AtomicUsize,
    rng: Mutex<StdRng>,
}

impl Media {
    /// Makes a certificate, binds every worker's port and starts the threads.
    ///
    /// # Errors
    /// When a port cannot be bound, a thread cannot be started, or a bound address is
    /// unspecified (`0.0.0.0`) and none to advertise is given.
    pub fn start(config: MediaConfig) -> io::Result<Self> {
        let phone_ip = advertised(config.phone.bind, config.phone.advertised)?;
        let browser_ip = advertised(config.browser.bind.ip(), config.browser.advertised)?;
        let mut rng = StdRng::from_seed(seed_from_system()?);
        let ports = PortPool::new(config.phone.bind, &config.phone.ports, &mut rng);
        let common = Arc::new(Common {
            identity: Arc::new(Identity::generate()?),
            ports: Arc::new(ports),
            phone_ip,
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
            let mut bind = config.browser.bind;
            if bind.port() != 0 {
                let port = usize::from(bind.port()) + index;
                bind.set_port(u16::try_from(port).map_err(io::Error::other)?);
            }
            let socket = ports::bind_udp(bind)?;
            let address = SocketAddr::new(browser_ip, socket.local_addr()?.port());
            let started = worker::start(
                format!("media-{index}"),
                socket,
                common.identity.clone(),
                config.limits,
                seed_from_system()?,
            )?;
            media.threads.push(started.thread);
            media.workers.push(WorkerHandle {
                mailbox: started.mailbox,
                gauges: started.gauges,
                address,
                common: common.clone(),
            });
        }
        Ok(media)
    }

    /// The worker with the fewest browser legs, for the next call: both legs of a call must
    /// live on the same one.
    #[must_use]
    pub fn worker(&self) -> WorkerHandle {
        let turn = self.common.next_turn.fetch_add(1, Ordering::Relaxed) % self.workers.len();
        let (before, from_turn) = self.workers.split_at(turn);
        // Their gauges lag behind a burst of calls; among equals they take turns.
        let least_loaded = from_turn
            .iter()
            .chain(before)
            .min_by_key(|worker| worker.gauges.browser_legs.load(Ordering::Relaxed));
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

fn advertised(bound: IpAddr, configured: Option<IpAddr>) -> io::Result<IpAddr> {
    match configured {
        Some(address) => Ok(address),
        None if bound.is_unspecified() => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "an unspecified media address needs one to advertise",
        )),
        None => Ok(bound),
    }
}

/// One worker thread, as seen by signalling.
#[derive(Clone, Debug)]
pub struct WorkerHandle {
    mailbox: Arc<Mailbox>,
    gauges: Arc<Gauges>,
    address: SocketAddr,
    common: Arc<Common>,
}

impl WorkerHandle {
    /// Opens a leg towards a browser. Its credentials exist at once; it answers checks as
    /// soon as the worker has read its mailbox.
    ///
    /// # Errors
    /// [`MediaError::Busy`] or [`MediaError::Stopped`].
    pub fn open_browser_leg(&self, config: BrowserLegConfig) -> Result<BrowserLeg, MediaError> {
        let mut rng = self
            .common
            .rng
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let credentials = Credentials::random(&mut *rng);
        let ssrc = Ssrc(rng.random());
        let cname = random_name(&mut rng);
        let local = BrowserLocal {
            ufrag: credentials.ufrag.to_string(),
            pwd: credentials.pwd.clone(),
            fingerprint: self.common.identity.fingerprint(),
            addrs: vec![self.address],
            ssrc,
            cname: cname.clone(),
            msid: random_name(&mut rng),
            session_id: rng.random::<u64>() >> 2,
        };
        drop(rng);
        let id = self.next_leg();
        let opening = BrowserOpening {
            credentials,
            role: config.role,
            ssrc,
            cname,
            on_event: config.on_event,
        };
        self.mailbox.push(Command::OpenBrowser(id, opening))?;
        let leg = OpenLeg {
            id,
            mailbox: self.mailbox.clone(),
        };
        let common = self.common.clone();
        Ok(BrowserLeg { leg, local, common })
    }

    /// Opens a leg towards a phone, with an RTP and an RTCP port.
    ///
    /// # Errors
    /// [`MediaError::PortsExhausted`] when the configured range has no free pair,
    /// [`MediaError::Socket`] when the system refuses, else as above.
    pub fn open_phone_leg(&self, config: PhoneLegConfig) -> Result<PhoneLeg, MediaError> {
        let sockets = self.common.ports.open()?;
        let mut rng = self
            .common
            .rng
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let ssrc = Ssrc(rng.random());
        let cname = random_name(&mut rng);
        let port = sockets.rtp_port();
        let local = PhoneLocal {
            rtp: SocketAddr::new(self.common.phone_ip, port),
            rtcp: SocketAddr::new(self.common.phone_ip, port + 1),
            ssrc,
            cname: cname.clone(),
            session_id: rng.random::<u64>() >> 2,
        };
        drop(rng);
        let id = self.next_leg();
        let opening = PhoneOpening {
            ssrc,
            cname,
            on_event: config.on_event,
        };
        self.mailbox
            .push(Command::OpenPhone(id, opening, sockets))?;
        let leg = OpenLeg {
            id,
            mailbox: self.mailbox.clone(),
        };
        Ok(PhoneLeg { leg, local })
    }

    /// Carries media between two legs of this worker by the given plan. Called again it
    /// replaces the plan (re-INVITE, hold) without a gap; with another phone leg it moves the
    /// browser over to it. Gates keep their position; a new bridge is open both ways.
    ///
    /// # Errors
    /// [`MediaError::Busy`] or [`MediaError::Stopped`].
    pub fn bridge(
        &self,
        browser: &BrowserLeg,
        phone: &PhoneLeg,
        relay: Relay,
    ) -> Result<(), MediaError> {
        self.mailbox.push(Command::Bridge {
            browser: browser.leg.id,
            phone: phone.leg.id,
            relay: Box::new(relay),
        })
    }

    /// Opens or closes each direction of the bridge this browser leg is part of, independent
    /// of the directions in the plan: media before the answer, media after the end.
    ///
    /// # Errors
    /// [`MediaError::Busy`] or [`MediaError::Stopped`].
    pub fn set_gate(&self, browser: &BrowserLeg, gate: Gate) -> Result<(), MediaError> {
        self.mailbox.push(Command::SetGate(browser.leg.id, gate))
    }

    fn next_leg(&self) -> LegId {
        LegId(self.common.next_leg.fetch_add(1, Ordering::Relaxed))
    }
}

/// Sixteen hexadecimal digits that tell nobody anything (RFC 7022).
fn random_name(rng: &mut StdRng) -> String {
    format!("{:016x}", rng.random::<u64>())
}

/// Which directions of a bridge are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gate {
    /// The phone may hear the browser.
    pub browser_to_phone: bool,
    /// The browser may hear the phone.
    pub phone_to_browser: bool,
}

impl Gate {
    /// Both directions open.
    pub const OPEN: Self = Self {
        browser_to_phone: true,
        phone_to_browser: true,
    };
}

/// How a browser leg is opened.
pub struct BrowserLegConfig {
    /// Our part in the DTLS handshake until [`BrowserLeg::set_remote`] settles it:
    /// `Server` when we answer `passive` or offer `actpass`, `Client` when we answer `active`.
    pub role: DtlsRole,
    /// Hears the leg's events, on the worker's thread. Must not block.
    pub on_event: Box<dyn Fn(LegEvent) + Send>,
}

/// How a phone leg is opened.
pub struct PhoneLegConfig {
    /// Hears the leg's events, on the worker's thread. Must not block.
    pub on_event: Box<dyn Fn(LegEvent) + Send>,
}

/// A leg that lives on a worker until this is dropped.
#[derive(Debug)]
struct OpenLeg {
    id: LegId,
    mailbox: Arc<Mailbox>,
}

impl Drop for OpenLeg {
    fn drop(&mut self) {
        // Closing is always taken while the worker lives; a worker that ends closes its legs.
        let _ended = self.mailbox.push(Command::Close(self.id));
    }
}

/// A leg towards a browser. Dropping it closes the leg.
#[derive(Debug)]
pub struct BrowserLeg {
    leg: OpenLeg,
    local: BrowserLocal,
    common: Arc<Common>,
}

impl BrowserLeg {
    /// Our side, for the SDP.
    #[must_use]
    pub fn local(&self) -> &BrowserLocal {
        &self.local
    }

    /// Tells the leg what the browser's SDP said. Media needs it; ICE and the handshake may
    /// be done before. A later call may add SSRCs; another fingerprint ends the leg.
    ///
    /// # Errors
    /// [`MediaError::Busy`] or [`MediaError::Stopped`].
    pub fn set_remote(&self, remote: BrowserRemote) -> Result<(), MediaError> {
        let remote = Box::new(remote);
        self.leg
            .mailbox
            .push(Command::SetBrowserRemote(self.leg.id, remote))
    }

    /// Says that the browser has been given our description: from now on its first
    /// connectivity check has [`crate::Limits::ice`] to come, or the leg fails. Before, a call
    /// may ring for as long as it likes.
    ///
    /// # Errors
    /// [`MediaError::Busy`] or [`MediaError::Stopped`].
    pub fn expect_checks(&self) -> Result<(), MediaError> {
        self.leg.mailbox.push(Command::ExpectChecks(self.leg.id))
    }

    /// New ICE credentials for an ICE restart (RFC 8445 §9); DTLS and media go on. The old
    /// ones stay valid until the first check with the new ones.
    ///
    /// # Errors
    /// [`MediaError::Busy`] or [`MediaError::Stopped`].
    pub fn restart_ice(&mut self) -> Result<&BrowserLocal, MediaError> {
        let mut rng = self
            .common
            .rng
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let credentials = Credentials::random(&mut *rng);
        drop(rng);
        let ufrag = credentials.ufrag.to_string();
        let pwd = credentials.pwd.clone();
        self.leg
            .mailbox
            .push(Command::RestartIce(self.leg.id, credentials))?;
        self.local.ufrag = ufrag;
        self.local.pwd = pwd;
        Ok(&self.local)
    }

    /// Asks for the counters so far; `reply` runs on the worker's thread.
    ///
    /// # Errors
    /// [`MediaError::Busy`] or [`MediaError::Stopped`].
    pub fn snapshot(&self, reply: Box<dyn FnOnce(LegStats) + Send>) -> Result<(), MediaError> {
        self.leg.mailbox.push(Command::Snapshot(self.leg.id, reply))
    }
}

/// A leg towards a phone. Dropping it closes the leg and frees its ports.
#[derive(Debug)]
pub struct PhoneLeg {
    leg: OpenLeg,
    local: PhoneLocal,
}

impl PhoneLeg {
    /// Our side, for the SDP.
    #[must_use]
    pub fn local(&self) -> &PhoneLocal {
        &self.local
    }

    /// Tells the leg where the phone is, and again when that changes; `None` when it has named
    /// no address to send to (`0.0.0.0`).
    ///
    /// # Errors
    /// [`MediaError::Busy`] or [`MediaError::Stopped`].
    pub fn set_remote(&self, remote: impl Into<Option<PhoneRemote>>) -> Result<(), MediaError> {
        let remote = remote.into();
        self.leg
            .mailbox
            .push(Command::SetPhoneRemote(self.leg.id, remote))
    }

    /// Sends a digit to the phone as telephone-events (RFC 4733). Void before the leg is
    /// bridged and when the phone takes no telephone-events.
    ///
    /// # Errors
    /// [`MediaError::Busy`] or [`MediaError::Stopped`].
    pub fn send_digit(&self, dtmf: Dtmf) -> Result<(), MediaError> {
        self.leg.mailbox.push(Command::SendDigit(self.leg.id, dtmf))
    }

    /// Asks for the counters so far; `reply` runs on the worker's thread.
    ///
    /// # Errors
    /// [`MediaError::Busy`] or [`MediaError::Stopped`].
    pub fn snapshot(&self, reply: Box<dyn FnOnce(LegStats) + Send>) -> Result<(), MediaError> {
        self.leg.mailbox.push(Command::Snapshot(self.leg.id, reply))
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
    /// Sockets of phone legs.
    pub phone_sockets: usize,
    /// Timers of legs.
    pub timers: usize,
    /// Worker threads.
    pub threads: usize,
}

/// Why a handle's call was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaError {
    /// The worker's mailbox is full.
    Busy,
    /// The media path has been shut down.
    Stopped,
    /// No free port pair in the configured range.
    PortsExhausted,
    /// A socket could not be made; the system says why.
    Socket(io::ErrorKind),
}

impl fmt::Display for MediaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("media worker is busy"),
            Self::Stopped => f.write_str("media path has been shut down"),
            Self::PortsExhausted => f.write_str("no free RTP port pair"),
            Self::Socket(kind) => write!(f, "media socket: {kind}"),
        }
    }
}

impl std::error::Error for MediaError {}
