//! A client's DTLS association (RFC 6347, RFC 5764), either end of it.
//!
//! Repeats its last flight as it was, with doubling gaps, until the peer has moved: what
//! rtc-dtls does itself stalls when the peer repeats too. Comparing fingerprints is the
//! caller's business.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use media::{DtlsRole, Fingerprint};
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_shared::TransportProtocol;

use super::identity::Identity;
use super::srtp::{MasterKey, Profile, SrtpKeys};

/// rtc-dtls names associations by address; there is only one here.
const PEER: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9));

const FIRST_GAP: Duration = Duration::from_millis(50);
const LONGEST_GAP: Duration = Duration::from_millis(1600);

/// The handshake cannot succeed, or the peer has said goodbye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended;

/// What a handshake has given.
#[derive(Debug)]
pub(super) struct Connected {
    pub(super) keys: SrtpKeys,
    pub(super) peer: Fingerprint,
}

/// One association.
pub(super) struct Association {
    role: DtlsRole,
    endpoint: Endpoint,
    transmits: VecDeque<Bytes>,
    flight: Vec<Bytes>,
    repeat: Option<(Instant, Duration)>,
}

impl Association {
    /// A client speaks first; a server waits.
    pub(super) fn new(identity: &Identity, role: DtlsRole, now: Instant) -> Result<Self, Ended> {
        let server = match role {
            DtlsRole::Client => None,
            DtlsRole::Server => Some(identity.server()),
        };
        let mut association = Self {
            role,
            endpoint: Endpoint::new(PEER, TransportProtocol::UDP, server),
            transmits: VecDeque::new(),
            flight: Vec::new(),
            repeat: None,
        };
        if role == DtlsRole::Client {
            association
                .endpoint
                .connect(now, PEER, identity.client(), None)
                .map_err(|_| Ended)?;
            association.collect(now);
        }
        Ok(association)
    }

    pub(super) fn handle_datagram(
        &mut self,
        datagram: &[u8],
        now: Instant,
    ) -> Result<Option<Connected>, Ended> {
        let events = self
            .endpoint
            .read(now, PEER, None, BytesMut::from(datagram))
            .map_err(|_| Ended)?;
        self.collect(now);
        let mut connected = None;
        for event in events {
            match event {
                EndpointEvent::HandshakeComplete => connected = Some(self.connected()?),
                EndpointEvent::PeerClosed => return Err(Ended),
                EndpointEvent::ApplicationData(_) => {}
                _ => {}
            }
        }
        if connected.is_some() {
            self.repeat = None;
        }
        Ok(connected)
    }

    fn connected(&self) -> Result<Connected, Ended> {
        let state = self.endpoint.get_connection_state(PEER).ok_or(Ended)?;
        let profile = Profile::from_number(state.srtp_protection_profile() as u16).ok_or(Ended)?;
        let certificate = state.peer_certificates.first().ok_or(Ended)?;
        let material = state
            .export_keying_material("EXTRACTOR-dtls_srtp", &[], profile.material_length())
            .map_err(|_| Ended)?;
        let [client, server] = MasterKey::split(profile, material.as_ref()).ok_or(Ended)?;
        let (local, remote) = match self.role {
            DtlsRole::Client => (client, server),
            DtlsRole::Server => (server, client),
        };
        Ok(Connected {
            keys: SrtpKeys {
                profile,
                local,
                remote,
            },
            peer: Fingerprint::of(certificate),
        })
    }

    fn collect(&mut self, now: Instant) {
        let mut flight = Vec::new();
        while let Some(transmit) = self.endpoint.poll_transmit() {
            flight.push(transmit.message.freeze());
        }
        if flight.is_empty() {
            return;
        }
        self.transmits.extend(flight.iter().cloned());
        self.flight = flight;
        self.repeat = Some((now + FIRST_GAP, FIRST_GAP));
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.repeat.map(|(at, _)| at)
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if let Some((at, gap)) = self.repeat
            && now >= at
        {
            let gap = (gap * 2).min(LONGEST_GAP);
            self.repeat = Some((now + gap, gap));
            self.transmits.extend(self.flight.iter().cloned());
        }
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Bytes> {
        self.transmits.pop_front()
    }

    /// Says goodbye.
    pub(super) fn close(&mut self, now: Instant) {
        self.endpoint.stop(now, PEER);
        self.collect(now);
        self.repeat = None;
    }
}
