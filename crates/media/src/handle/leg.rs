//! Handles of legs: what a call holds. Dropping one closes its leg.

use std::net::IpAddr;
use std::sync::Arc;

use super::MediaError;
use crate::browser_leg::{Credentials, IceSeed};
use crate::dtmf::Dtmf;
use crate::endpoints::{
    AddressFamily, BrowserLocal, BrowserRemote, DtlsRole, PhoneLocal, PhoneRemote,
};
use crate::event::{LegEvent, LegStats};
use crate::worker::{Command, LegId, Mailbox};

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
pub(super) struct OpenLeg {
    pub(super) id: LegId,
    pub(super) mailbox: Arc<Mailbox>,
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
    pub(super) leg: OpenLeg,
    pub(super) local: BrowserLocal,
    pub(super) ice_seed: IceSeed,
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

    /// Where the credentials of ICE restarts come from.
    #[must_use]
    pub fn ice_seed(&self) -> IceSeed {
        self.ice_seed.clone()
    }

    /// New ICE credentials for an ICE restart (RFC 8445 §9); DTLS and media go on. The old
    /// ones stay valid until the first check with the new ones.
    ///
    /// # Errors
    /// [`MediaError::Busy`] or [`MediaError::Stopped`].
    pub fn restart_ice(&self, credentials: Credentials) -> Result<(), MediaError> {
        self.leg
            .mailbox
            .push(Command::RestartIce(self.leg.id, credentials))
    }

    /// Whoever is shown the browser's video needs a keyframe of it.
    ///
    /// # Errors
    /// [`MediaError::Busy`] or [`MediaError::Stopped`].
    pub fn need_keyframe(&self) -> Result<(), MediaError> {
        self.leg.mailbox.push(Command::NeedKeyframe(self.leg.id))
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
    pub(super) leg: OpenLeg,
    pub(super) local: PhoneLocal,
    /// Addresses of this leg that phones may be told.
    pub(super) told: Arc<[IpAddr]>,
}

impl PhoneLeg {
    /// Our side, for the SDP.
    #[must_use]
    pub fn local(&self) -> &PhoneLocal {
        &self.local
    }

    /// Our address for the SDP is one of this family from here on, where we have one; the leg
    /// hears all that it is bound to.
    pub fn face(&mut self, family: AddressFamily) {
        let mut told = self.told.iter();
        let ip = told.find(|ip| AddressFamily::from(**ip) == family);
        if let Some(ip) = ip.copied() {
            self.local.rtp.set_ip(ip);
            self.local.rtcp.set_ip(ip);
        }
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

    /// Sends a digit to the phone: as telephone-events (RFC 4733), or as a tone where the plan
    /// says so ([`crate::relay::InBand::Play`]). Void before the leg is bridged, while it may not
    /// be sent anything, and when the phone takes neither.
    ///
    /// # Errors
    /// [`MediaError::Busy`] or [`MediaError::Stopped`].
    pub fn send_digit(&self, dtmf: Dtmf) -> Result<(), MediaError> {
        self.leg.mailbox.push(Command::SendDigit(self.leg.id, dtmf))
    }

    /// The phone has sent a digit by signalling (INFO). It is told as [`LegEvent::Dtmf`] and sent
    /// to the browser like one that came as telephone-events, unless that has happened already:
    /// some phones say each digit twice.
    ///
    /// # Errors
    /// [`MediaError::Busy`] or [`MediaError::Stopped`].
    pub fn tell_digit(&self, dtmf: Dtmf) -> Result<(), MediaError> {
        self.leg.mailbox.push(Command::TellDigit(self.leg.id, dtmf))
    }

    /// Asks for the counters so far; `reply` runs on the worker's thread.
    ///
    /// # Errors
    /// [`MediaError::Busy`] or [`MediaError::Stopped`].
    pub fn snapshot(&self, reply: Box<dyn FnOnce(LegStats) + Send>) -> Result<(), MediaError> {
        self.leg.mailbox.push(Command::Snapshot(self.leg.id, reply))
    }
}
