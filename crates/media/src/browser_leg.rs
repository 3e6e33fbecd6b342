//! One leg towards a browser: ICE-lite, DTLS-SRTP, and who may speak when.
//!
//! Sans-IO. The order it enforces: an address is validated by ICE before DTLS or SRTP from it
//! is looked at; the handshake may run before the browser's description is known; no media
//! passes before the certificate has been found to be the one that description names
//! (RFC 5763 §6.2). What is inside RTP and RTCP is not its business.

mod client_hello;
mod credentials;
mod demultiplex;
mod dtls;
mod flight;
pub(crate) mod fuzz;
mod ice;
mod identity;
mod records;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use crate::endpoints::{BrowserRemote, DtlsRole};
use crate::event::LegFailure;
use crate::srtp::{Refused, SrtpSession};
use dtls::{Association, Connected, DtlsEvent, HandshakeFailed};
use ice::Responder;

pub(crate) use credentials::Ufrag;
pub use credentials::{Credentials, IceSeed};
pub(crate) use demultiplex::{DatagramKind, datagram_kind};
pub(crate) use ice::{AddressChange, IceFailure, IceLimits, ufrag_of_check};
pub(crate) use identity::Identity;

/// A browser that is to speak first does so as soon as ICE is up, and repeats itself.
const HELLO_LIMIT: Duration = Duration::from_secs(2);

/// An address of a browser as seen from one of our sockets: an ICE transport address with the
/// base it was heard at (RFC 8445 §4). Not a phone's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BrowserAddr {
    pub(crate) address: SocketAddr,
    pub(crate) via: Via,
}

/// Which of a worker's sockets hears a browser and speaks to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Via {
    /// The UDP socket with this number.
    Udp(u8),
    /// A TCP connection.
    Tcp(ConnectionId),
}

/// A TCP connection: its place in the worker's table, which is used again, and a number that is
/// not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ConnectionId {
    pub(crate) slot: u32,
    pub(crate) serial: u32,
}

impl BrowserAddr {
    /// Heard at the first UDP socket.
    pub(crate) fn udp(address: SocketAddr) -> Self {
        Self {
            address,
            via: Via::Udp(0),
        }
    }
}

/// Something the worker has to act upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BrowserEvent {
    /// The set of accepted addresses has changed.
    Address(AddressChange),
    /// The first authenticated check has come.
    IceValidated,
    /// Media may flow.
    Connected,
    /// It is over; nothing more will be sent or accepted.
    Failed(LegFailure),
}

/// Time limits of one leg.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BrowserLimits {
    pub(crate) ice: IceLimits,
    /// From the first validated check to the end of the handshake.
    pub(crate) dtls: Duration,
}

/// The leg.
#[derive(Debug)]
pub(crate) struct BrowserCore {
    identity: Arc<Identity>,
    ice: Responder,
    dtls: Association,
    security: Security,
    remote: Option<BrowserRemote>,
    limits: BrowserLimits,
    validated_at: Option<Instant>,
    keyed_at: Option<BrowserAddr>,
    events: VecDeque<BrowserEvent>,
    answers: VecDeque<(BrowserAddr, Vec<u8>)>,
}

#[derive(Debug)]
enum Security {
    /// No keys yet.
    Handshaking,
    /// Keys of somebody: the browser's description, with the fingerprint, is still to come.
    Unproven(Connected),
    /// Keys of the one that was named.
    Secured(Box<SrtpSession>),
    /// The leg is over. What is left to send is the association's goodbye.
    Over,
}

impl BrowserCore {
    pub(crate) fn new(
        identity: Arc<Identity>,
        credentials: Credentials,
        role: DtlsRole,
        limits: BrowserLimits,
    ) -> Self {
        Self {
            ice: Responder::new(credentials, limits.ice),
            dtls: Association::new(identity.clone(), role),
            security: Security::Handshaking,
            remote: None,
            limits,
            validated_at: None,
            keyed_at: None,
            events: VecDeque::new(),
            answers: VecDeque::new(),
            identity,
        }
    }

    /// The browser's description has come, or has come again.
    pub(crate) fn set_remote(&mut self, remote: BrowserRemote, now: Instant) {
        let changed = self
            .remote
            .as_ref()
            .is_some_and(|known| known.fingerprint != remote.fingerprint);
        if changed {
            self.fail(LegFailure::FingerprintMismatch, now);
            return;
        }
        match &mut self.security {
            Security::Handshaking if self.dtls.role() != remote.role => {
                self.dtls = Association::new(self.identity.clone(), remote.role);
                if self.validated_at.is_some() {
                    self.start_handshake(now);
                }
            }
            Security::Secured(srtp) => srtp.announce(&remote.ssrcs),
            Security::Handshaking | Security::Unproven(_) | Security::Over => {}
        }
        self.remote = Some(remote);
        self.admit(now);
    }

    /// The browser has our description.
    pub(crate) fn expect_checks(&mut self, now: Instant) {
        self.ice.expect_checks(now);
    }

    /// New credentials for an ICE restart.
    pub(crate) fn restart_ice(&mut self, credentials: Credentials) {
        self.ice.restart(credentials);
    }

    /// The user name fragments this leg answers to.
    pub(crate) fn ufrags(&self) -> impl Iterator<Item = Ufrag> + '_ {
        self.ice.ufrags()
    }

    /// Whether packets from `address` are this leg's.
    pub(crate) fn accepts(&self, address: BrowserAddr) -> bool {
        self.ice.accepts(address)
    }

    /// The addresses packets are accepted from.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = BrowserAddr> + '_ {
        self.ice.addresses()
    }

    /// Where to send; `None` before the first check and after the end.
    pub(crate) fn destination(&self) -> Option<BrowserAddr> {
        self.ice.destination()
    }

    /// Whether media may pass.
    pub(crate) fn is_connected(&self) -> bool {
        matches!(self.security, Security::Secured(_))
    }

    /// Whether there are no keys yet.
    pub(crate) fn is_handshaking(&self) -> bool {
        matches!(self.security, Security::Handshaking)
    }

    /// Whether there is a handshake that others at the same address have to leave alone. A leg that
    /// a browser has not spoken to for so long is not in one.
    pub(crate) fn claims_handshake(&self, now: Instant) -> bool {
        let waits = self.dtls.awaits_hello();
        let in_vain = |since: Instant| now >= since + HELLO_LIMIT;
        self.is_handshaking() && !(waits && self.validated_at.is_some_and(in_vain))
    }

    /// From where the handshake was completed.
    pub(crate) fn keyed_at(&self) -> Option<BrowserAddr> {
        self.keyed_at
    }

    /// Takes a STUN datagram.
    pub(crate) fn handle_check(&mut self, datagram: &[u8], from: BrowserAddr, now: Instant) {
        if matches!(self.security, Security::Over) {
            return;
        }
        let crypto = self.identity.crypto();
        if let Some(answer) = self.ice.handle_check(datagram, from, now, crypto) {
            self.answers.push_back((from, answer));
        }
        self.drain_addresses();
        if self.validated_at.is_none() && self.ice.destination().is_some() {
            self.validated_at = Some(now);
            self.events.push_back(BrowserEvent::IceValidated);
            self.start_handshake(now);
        }
    }

    /// The way to an address is gone: its connection was closed.
    pub(crate) fn handle_lost(&mut self, address: BrowserAddr) {
        self.ice.handle_lost(address);
        self.drain_addresses();
    }

    /// Whether the browser still checks from `address`.
    pub(crate) fn is_checked(&self, address: BrowserAddr, now: Instant) -> bool {
        self.ice.is_checked(address, now)
    }

    /// When the browser last checked from `address`.
    pub(crate) fn last_check(&self, address: BrowserAddr) -> Option<Instant> {
        self.ice.last_check(address)
    }

    fn start_handshake(&mut self, now: Instant) {
        if self.dtls.start(now).is_err() {
            self.fail(LegFailure::DtlsFailed, now);
        }
    }

    fn drain_addresses(&mut self) {
        while let Some(change) = self.ice.poll_change() {
            self.events.push_back(BrowserEvent::Address(change));
        }
    }

    /// Takes a DTLS datagram. From an address that ICE has not validated it is dropped.
    pub(crate) fn handle_dtls(
        &mut self,
        datagram: &[u8],
        from: BrowserAddr,
        now: Instant,
    ) -> Result<(), Refused> {
        if !self.ice.accepts(from) {
            return Err(Refused::UnknownAddress);
        }
        match self.dtls.handle_datagram(datagram, now) {
            Ok(None) => {}
            Ok(Some(DtlsEvent::Connected(connected))) => {
                self.keyed_at = Some(from);
                self.security = Security::Unproven(connected);
                self.admit(now);
            }
            Ok(Some(DtlsEvent::Closed)) => self.fail(LegFailure::DtlsClosed, now),
            Err(HandshakeFailed) => self.fail(LegFailure::DtlsFailed, now),
        }
        Ok(())
    }

    /// Opens media once both the handshake and the signalled fingerprint are there.
    fn admit(&mut self, now: Instant) {
        let (Security::Unproven(connected), Some(remote)) = (&self.security, &self.remote) else {
            return;
        };
        if connected.peer != remote.fingerprint {
            self.fail(LegFailure::FingerprintMismatch, now);
            return;
        }
        let keys = connected.keys.clone();
        match SrtpSession::new(self.identity.provider(), keys, &remote.ssrcs, now) {
            Ok(srtp) => {
                self.security = Security::Secured(Box::new(srtp));
                self.events.push_back(BrowserEvent::Connected);
            }
            Err(_) => self.fail(LegFailure::DtlsFailed, now),
        }
    }

    /// Opens an SRTP packet from an accepted address.
    pub(crate) fn open_rtp(
        &mut self,
        packet: &[u8],
        from: BrowserAddr,
        now: Instant,
    ) -> Result<BytesMut, Refused> {
        let opened = self.session_for(from)?.open_rtp(packet, now)?;
        self.dtls.handle_proof();
        Ok(opened)
    }

    /// Opens an SRTCP packet from an accepted address.
    pub(crate) fn open_rtcp(
        &mut self,
        packet: &[u8],
        from: BrowserAddr,
        now: Instant,
    ) -> Result<BytesMut, Refused> {
        let opened = self.session_for(from)?.open_rtcp(packet, now)?;
        self.dtls.handle_proof();
        Ok(opened)
    }

    fn session_for(&mut self, from: BrowserAddr) -> Result<&mut SrtpSession, Refused> {
        if !self.ice.accepts(from) {
            return Err(Refused::UnknownAddress);
        }
        self.session()
    }

    fn session(&mut self) -> Result<&mut SrtpSession, Refused> {
        match &mut self.security {
            Security::Secured(srtp) => Ok(srtp),
            Security::Handshaking | Security::Unproven(_) | Security::Over => Err(Refused::NotOpen),
        }
    }

    /// Encrypts an RTP packet with a fresh twelve-byte header.
    pub(crate) fn seal_rtp(&mut self, packet: &[u8]) -> Result<BytesMut, Refused> {
        self.session()?.seal_rtp(packet)
    }

    /// Encrypts an RTCP packet.
    pub(crate) fn seal_rtcp(&mut self, packet: &[u8]) -> Result<BytesMut, Refused> {
        self.session()?.seal_rtcp(packet)
    }

    /// The earliest time [`Self::handle_timeout`] has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let limit = match &self.security {
            Security::Handshaking => self.handshake_deadline(),
            Security::Unproven(_) | Security::Secured(_) => None,
            Security::Over => return None,
        };
        let repeat = self.dtls.poll_timeout();
        let ice = self.ice.poll_timeout();
        [ice, limit, repeat].into_iter().flatten().min()
    }

    fn handshake_deadline(&self) -> Option<Instant> {
        self.validated_at.map(|at| at + self.limits.dtls)
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if matches!(self.security, Security::Over) {
            return;
        }
        match self.ice.handle_timeout(now) {
            Ok(()) => self.drain_addresses(),
            Err(IceFailure::NeverValidated) => return self.fail(LegFailure::IceTimeout, now),
            Err(IceFailure::ConsentExpired) => return self.fail(LegFailure::ConsentExpired, now),
        }
        let overdue = self.handshake_deadline().is_some_and(|limit| now >= limit);
        if overdue && matches!(self.security, Security::Handshaking) {
            self.fail(LegFailure::DtlsFailed, now);
        } else {
            self.dtls.handle_timeout(now);
        }
    }

    /// The next datagram to send.
    pub(crate) fn poll_transmit(&mut self) -> Option<(BrowserAddr, Bytes)> {
        if let Some((to, answer)) = self.answers.pop_front() {
            return Some((to, answer.into()));
        }
        let to = self.ice.destination()?;
        self.dtls.poll_transmit().map(|datagram| (to, datagram))
    }

    pub(crate) fn poll_event(&mut self) -> Option<BrowserEvent> {
        self.events.pop_front()
    }

    /// Ends the leg: the browser is told by close_notify.
    pub(crate) fn close(&mut self, now: Instant) {
        self.dtls.close(now);
        self.security = Security::Over;
    }

    fn fail(&mut self, failure: LegFailure, now: Instant) {
        if !matches!(self.security, Security::Over) {
            self.close(now);
            self.events.push_back(BrowserEvent::Failed(failure));
        }
    }
}
