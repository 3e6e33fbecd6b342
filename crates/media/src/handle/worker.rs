//! One worker as signalling sees it: opens legs and bridges them.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use rand::RngExt;
use rand::rngs::StdRng;

use super::browser_ports::Candidates;
use super::leg::OpenLeg;
use super::media::Common;
use super::{BrowserLeg, BrowserLegConfig, MediaError, PhoneLeg, PhoneLegConfig};
use crate::browser_leg::{Credentials, IceSeed};
use crate::endpoints::{BrowserLocal, PhoneLocal, Ssrc};
use crate::relay::Relay;
use crate::srtp::{SrtpLocal, SrtpPolicy};
use crate::video::VideoRelay;
use crate::worker::{BrowserOpening, Command, Gauges, LegId, Mailbox, PhoneOpening};

/// One worker thread, as seen by signalling.
#[derive(Clone, Debug)]
pub struct WorkerHandle {
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) gauges: Arc<Gauges>,
    pub(super) candidates: Arc<Candidates>,
    pub(super) common: Arc<Common>,
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
            addrs: self.candidates.udp.clone(),
            tcp: self.candidates.tcp.clone(),
            ssrc,
            cname: cname.clone(),
            msid: random_name(&mut rng),
            session_id: rng.random::<u64>() >> 2,
        };
        let ice_seed = IceSeed::new(rng.random());
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
        Ok(BrowserLeg {
            leg,
            local,
            ice_seed,
        })
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
        let told = self.common.phone_ips.clone();
        let ip = told.first().copied().expect("never empty");
        let local = PhoneLocal {
            rtp: SocketAddr::new(ip, port),
            rtcp: SocketAddr::new(ip, port + 1),
            ssrc,
            cname: cname.clone(),
            session_id: rng.random::<u64>() >> 2,
            srtp: SrtpLocal::new(SrtpPolicy::Off, rng.random()),
            video: None,
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
        Ok(PhoneLeg { leg, local, told })
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

    /// Carries video between a browser leg and a phone leg of its own, beside the audio of the
    /// same call. Called again it replaces the plan. It passes the same gates as the audio, and
    /// ends when the phone leg is dropped.
    ///
    /// # Errors
    /// [`MediaError::Busy`] or [`MediaError::Stopped`].
    pub fn bridge_video(
        &self,
        browser: &BrowserLeg,
        phone: &PhoneLeg,
        relay: VideoRelay,
    ) -> Result<(), MediaError> {
        self.mailbox.push(Command::BridgeVideo {
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

    #[cfg(test)]
    pub(crate) fn mailbox(&self) -> &Mailbox {
        &self.mailbox
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
