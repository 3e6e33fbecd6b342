//! One browser-like client's transport: ICE, then DTLS, then SRTP over the one address.
//!
//! Sans-IO. Knows the gateway's description before it starts, as a page does that was answered;
//! what it sends and receives as audio is not its business.

mod checks;
mod dtls;
mod identity;
mod srtp;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use media::rtp::{PacketKind, packet_kind};
use media::{DtlsRole, Fingerprint};
use rand::rngs::StdRng;

use checks::{Checks, Heard};
use dtls::{Association, Connected, Ended};
use srtp::SrtpSession;

pub use checks::Credentials;
pub use identity::Identity;

/// What the gateway's SDP has told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Where it is: its first UDP candidate.
    pub address: SocketAddr,
    /// Its ICE credentials.
    pub credentials: Credentials,
    /// Its certificate must have this fingerprint.
    pub fingerprint: Fingerprint,
    /// What we are in the handshake.
    pub role: DtlsRole,
}

/// Why a client's transport has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Connectivity checks stay unanswered.
    Unreachable,
    /// The handshake failed.
    Handshake,
    /// The gateway's certificate is not the one its SDP named.
    Fingerprint,
    /// The gateway has closed the association.
    Closed,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "connectivity checks stay unanswered",
            Self::Handshake => "the DTLS handshake failed",
            Self::Fingerprint => "the certificate is not the one in the SDP",
            Self::Closed => "the gateway has closed the DTLS association",
        })
    }
}

/// What a datagram was.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// Nothing for the caller.
    Nothing,
    /// Media may be sent from now on.
    Connected,
    /// An RTP packet, opened.
    Rtp(BytesMut),
    /// An RTCP packet, opened.
    Rtcp(BytesMut),
    /// An RTP or RTCP packet that could not be opened.
    Unopened,
}

/// The transport.
pub struct BrowserTransport {
    identity: Arc<Identity>,
    remote: Remote,
    checks: Checks,
    security: Security,
    transmits: Vec<Bytes>,
}

enum Security {
    /// The peer has not answered a check. What it says before is kept, as Chromium keeps a hello
    /// that comes too early.
    Waiting {
        early: Option<Bytes>,
    },
    Handshaking(Box<Association>),
    Secured(Box<Association>, Box<SrtpSession>),
    Over,
}

impl BrowserTransport {
    /// Starts with a check, due at once.
    pub fn new(
        identity: Arc<Identity>,
        local: &Credentials,
        remote: Remote,
        rng: StdRng,
        now: Instant,
    ) -> Self {
        Self {
            checks: Checks::new(local, &remote, rng, now),
            identity,
            remote,
            security: Security::Waiting { early: None },
            transmits: Vec::new(),
        }
    }

    /// Takes a datagram from the gateway.
    ///
    /// # Errors
    /// When the transport has ended; it will not send or receive any more.
    pub fn handle_datagram(&mut self, datagram: &[u8], now: Instant) -> Result<Received, Failure> {
        match datagram.first() {
            Some(0..=3) => self.handle_stun(datagram, now),
            Some(20..=63) => self.handle_dtls(datagram, now),
            Some(128..=191) => Ok(self.handle_srtp(datagram)),
            Some(_) | None => Ok(Received::Nothing),
        }
    }

    fn handle_stun(&mut self, datagram: &[u8], now: Instant) -> Result<Received, Failure> {
        let crypto = self.identity.crypto();
        let first = match self.checks.handle_datagram(datagram, now, crypto) {
            Heard::FirstAnswer => true,
            Heard::Check(answer) => {
                self.transmits.push(answer.into());
                false
            }
            Heard::Nothing => false,
        };
        let early = match &mut self.security {
            Security::Waiting { early } if first => early.take(),
            Security::Waiting { .. }
            | Security::Handshaking(_)
            | Security::Secured(..)
            | Security::Over => return Ok(Received::Nothing),
        };
        let association = Association::new(&self.identity, self.remote.role, now);
        let association = association.map_err(|Ended| Failure::Handshake)?;
        self.security = Security::Handshaking(Box::new(association));
        self.collect();
        match early {
            Some(hello) => self.handle_dtls(&hello, now),
            None => Ok(Received::Nothing),
        }
    }

    fn handle_dtls(&mut self, datagram: &[u8], now: Instant) -> Result<Received, Failure> {
        let outcome = match &mut self.security {
            Security::Handshaking(association) => association.handle_datagram(datagram, now),
            Security::Secured(association, _) => association.handle_datagram(datagram, now),
            Security::Waiting { early } => {
                early.get_or_insert_with(|| Bytes::copy_from_slice(datagram));
                return Ok(Received::Nothing);
            }
            Security::Over => return Ok(Received::Nothing),
        };
        self.collect();
        match outcome {
            Ok(None) => Ok(Received::Nothing),
            Ok(Some(connected)) => self.secure(&connected).map(|()| Received::Connected),
            Err(Ended) => Err(
                match std::mem::replace(&mut self.security, Security::Over) {
                    Security::Secured(..) => Failure::Closed,
                    Security::Waiting { .. } | Security::Handshaking(_) | Security::Over => {
                        Failure::Handshake
                    }
                },
            ),
        }
    }

    fn secure(&mut self, connected: &Connected) -> Result<(), Failure> {
        if connected.peer != self.remote.fingerprint {
            return Err(Failure::Fingerprint);
        }
        let session = SrtpSession::new(&connected.keys, &self.identity);
        let session = session.map_err(|_| Failure::Handshake)?;
        self.security = match std::mem::replace(&mut self.security, Security::Over) {
            Security::Handshaking(association) => Security::Secured(association, Box::new(session)),
            other @ (Security::Waiting { .. } | Security::Secured(..) | Security::Over) => other,
        };
        Ok(())
    }

    fn handle_srtp(&mut self, datagram: &[u8]) -> Received {
        let Security::Secured(_, session) = &mut self.security else {
            return Received::Unopened;
        };
        match packet_kind(datagram) {
            PacketKind::Rtp => session.open(datagram).map(Received::Rtp),
            PacketKind::Rtcp => session.open_rtcp(datagram).map(Received::Rtcp),
            PacketKind::Other => None,
        }
        .unwrap_or(Received::Unopened)
    }

    /// Encrypts an RTP packet; `None` before media may be sent.
    pub fn seal(&mut self, packet: &[u8]) -> Option<BytesMut> {
        match &mut self.security {
            Security::Secured(_, session) => session.seal(packet),
            Security::Waiting { .. } | Security::Handshaking(_) | Security::Over => None,
        }
    }

    /// Encrypts an RTCP packet; `None` before media may be sent.
    pub fn seal_rtcp(&mut self, packet: &[u8]) -> Option<BytesMut> {
        match &mut self.security {
            Security::Secured(_, session) => session.seal_rtcp(packet),
            Security::Waiting { .. } | Security::Handshaking(_) | Security::Over => None,
        }
    }

    /// When [`Self::handle_timeout`] wants to be called; `None` after the end.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let checks = self.checks.poll_timeout();
        match &self.security {
            Security::Waiting { .. } | Security::Secured(..) => Some(checks),
            Security::Handshaking(association) => Some(
                association
                    .poll_timeout()
                    .map_or(checks, |at| at.min(checks)),
            ),
            Security::Over => None,
        }
    }

    /// Sends what is due.
    ///
    /// # Errors
    /// When the gateway has not answered for too long.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Failure> {
        if matches!(self.security, Security::Over) {
            return Ok(());
        }
        if self.checks.is_dead(now) {
            self.security = Security::Over;
            return Err(Failure::Unreachable);
        }
        let check = self.checks.handle_timeout(now, self.identity.crypto());
        self.transmits.extend(check.map(Bytes::from));
        if let Security::Handshaking(association) = &mut self.security {
            let outcome = association.handle_timeout(now);
            if let Err(Ended) = outcome {
                self.security = Security::Over;
                return Err(Failure::Handshake);
            }
        }
        self.collect();
        Ok(())
    }

    /// Ends the association with a goodbye.
    pub fn close(&mut self) {
        match &mut self.security {
            Security::Handshaking(association) | Security::Secured(association, _) => {
                association.close();
            }
            Security::Waiting { .. } | Security::Over => {}
        }
        self.collect();
        self.security = Security::Over;
    }

    fn collect(&mut self) {
        match &mut self.security {
            Security::Handshaking(association) | Security::Secured(association, _) => {
                while let Some(datagram) = association.poll_transmit() {
                    self.transmits.push(datagram);
                }
            }
            Security::Waiting { .. } | Security::Over => {}
        }
    }

    /// What is to be sent to the gateway, in order.
    pub fn take_transmits(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.transmits)
    }
}

impl std::fmt::Debug for BrowserTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BrowserTransport")
            .field("remote", &self.remote)
            .finish_non_exhaustive()
    }
}
