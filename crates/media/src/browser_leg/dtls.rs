//! One leg's DTLS association (RFC 6347, RFC 5764): rtc-dtls behind a narrow seam.
//!
//! Datagrams and time come in; datagrams, keys and the end come out. Adds what rtc-dtls lacks:
//! the flight repeater, the choice of AES-GCM, and bounds on what one peer may make it store.
//! Whether the peer is the right one is for the leg to decide, by its fingerprint.

use std::collections::VecDeque;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_shared::TransportProtocol;
use rtc_shared::error::Error;

use super::client_hello::HelloAssembler;
use super::flight::FlightRepeater;
use super::identity::Identity;
use super::records::{
    changes_cipher, is_alert, is_client_hello, is_fatal_alert, repeats_hello, speaks_handshake,
};
use crate::endpoints::{DtlsRole, Fingerprint};
use crate::srtp::{MasterKey, SrtpKeys, SrtpProfile};

/// rtc-dtls keeps one association per address. Ours is one per leg, wherever the leg moves.
const PEER: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9));

/// Datagrams of a hello kept until it is complete.
const MAX_HELD: usize = 8;
/// Datagrams a peer may send before the handshake is complete: rtc-dtls stores early records.
const HANDSHAKE_BUDGET: u32 = 400;
/// Handshake datagrams a peer may send afterwards, to have our last flight repeated.
const REPETITION_BUDGET: u32 = 64;

/// What an association tells its leg.
#[derive(Debug)]
pub(crate) enum DtlsEvent {
    Connected(Connected),
    Closed,
}

/// The outcome of a handshake; not yet trusted.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) keys: SrtpKeys,
    pub(crate) peer: Fingerprint,
}

/// The handshake cannot succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HandshakeFailed;

/// One association with a browser.
pub(crate) struct Association {
    identity: Arc<Identity>,
    role: DtlsRole,
    endpoint: Endpoint,
    state: State,
    repeater: FlightRepeater,
    transmits: VecDeque<Bytes>,
    budget: u32,
}

#[derive(Debug)]
enum State {
    /// Client: has not begun.
    Idle,
    /// Server: waits for a complete hello.
    Listening {
        hello: HelloAssembler,
        held: Vec<Bytes>,
    },
    Handshaking,
    /// Client: our Finished has left, theirs is awaited.
    Finishing,
    /// What of the association opens and seals records; the rest is gone.
    Connected {
        kept: Vec<u8>,
    },
    Over,
}

impl Association {
    pub(crate) fn new(identity: Arc<Identity>, role: DtlsRole) -> Self {
        let state = match role {
            DtlsRole::Client => State::Idle,
            DtlsRole::Server => State::Listening {
                hello: HelloAssembler::default(),
                held: Vec::new(),
            },
        };
        Self {
            identity,
            role,
            endpoint: Endpoint::new(PEER, TransportProtocol::UDP, None),
            state,
            repeater: FlightRepeater::new(),
            transmits: VecDeque::new(),
            budget: HANDSHAKE_BUDGET,
        }
    }

    pub(crate) fn role(&self) -> DtlsRole {
        self.role
    }

    /// A server that has not been spoken to.
    pub(crate) fn awaits_hello(&self) -> bool {
        matches!(self.state, State::Listening { .. })
    }

    /// There is somebody to talk to. A client sends its hello; a server goes on waiting.
    pub(crate) fn start(&mut self, now: Instant) -> Result<(), HandshakeFailed> {
        match self.state {
            State::Idle => {
                self.state = State::Handshaking;
                self.endpoint
                    .connect(now, PEER, self.identity.client(), None)
                    .map_err(|_| HandshakeFailed)?;
                self.send_flight(now);
                Ok(())
            }
            State::Listening { .. }
            | State::Handshaking
            | State::Finishing
            | State::Connected { .. }
            | State::Over => Ok(()),
        }
    }

    /// Takes a datagram that came from a validated address.
    ///
    /// # Errors
    /// When the handshake cannot succeed any more.
    pub(crate) fn handle_datagram(
        &mut self,
        datagram: &[u8],
        now: Instant,
    ) -> Result<Option<DtlsEvent>, HandshakeFailed> {
        match &mut self.state {
            State::Idle | State::Over => Ok(None),
            // Another leg's browser may be here, too, and answers that one.
            State::Listening { .. } if !is_client_hello(datagram) => Ok(None),
            State::Listening { hello, held } => {
                hello.handle_datagram(datagram);
                held.push(Bytes::copy_from_slice(datagram));
                let offers_gcm = hello.offers_srtp(SrtpProfile::GCM_NUMBER);
                if offers_gcm.is_none() && held.len() < MAX_HELD {
                    return Ok(None);
                }
                let held = std::mem::take(held);
                self.accept(offers_gcm == Some(true), &held, now)
            }
            State::Handshaking | State::Finishing => {
                self.budget = self.budget.checked_sub(1).ok_or(HandshakeFailed)?;
                self.feed(datagram, now)
            }
            // The handshake is over and what it needed is gone: a peer that repeats itself is
            // answered with our last flight as it was.
            State::Connected { .. } if speaks_handshake(datagram) => {
                if let Some(left) = self.budget.checked_sub(1) {
                    self.budget = left;
                    let again = self.repeater.handle_repetition(now);
                    self.transmits.extend(again.iter().cloned());
                }
                Ok(None)
            }
            State::Connected { .. } => {
                // Nothing but an alert can come, and one is enough.
                self.budget = match self.budget.checked_sub(1) {
                    Some(left) => left,
                    None => return Ok(None),
                };
                self.recall(now);
                let outcome = self.feed(datagram, now);
                self.forget_handshake();
                outcome
            }
        }
    }

    fn accept(
        &mut self,
        gcm: bool,
        held: &[Bytes],
        now: Instant,
    ) -> Result<Option<DtlsEvent>, HandshakeFailed> {
        self.state = State::Handshaking;
        let config = self.identity.server(gcm);
        self.endpoint.set_server_config(Some(config));
        for datagram in held {
            let event = self.feed(datagram, now)?;
            if event.is_some() {
                return Ok(event);
            }
        }
        Ok(None)
    }

    fn feed(
        &mut self,
        datagram: &[u8],
        now: Instant,
    ) -> Result<Option<DtlsEvent>, HandshakeFailed> {
        if matches!(self.state, State::Finishing) && repeats_hello(datagram) {
            // Taking it would stop rtc-dtls's timer for good.
            let again = self.repeater.handle_repetition(now);
            self.transmits.extend(again.iter().cloned());
            return Ok(None);
        }
        let connected_before = matches!(self.state, State::Connected { .. });
        let result = self
            .endpoint
            .read(now, PEER, None, BytesMut::from(datagram));
        let mut connected = None;
        let mut closed = false;
        match result {
            Ok(events) => {
                for event in events {
                    match event {
                        EndpointEvent::HandshakeComplete => connected = Some(self.connected()?),
                        EndpointEvent::PeerClosed => closed = true,
                        EndpointEvent::ApplicationData(_) => {}
                        _ => {}
                    }
                }
            }
            Err(Error::ErrAlertFatalOrClose) if connected_before => closed = true,
            Err(Error::ErrAlertFatalOrClose) => return Err(HandshakeFailed),
            // A broken record: the peer will repeat what mattered, or the limit ends it.
            Err(_) => {}
        }
        if connected.is_some() {
            self.repeater.settle();
        }
        let sent = self.send_flight(now);
        if sent == Sent::FatalAlert && !connected_before {
            return Err(HandshakeFailed);
        }
        if sent == Sent::Nothing && connected.is_none() && speaks_handshake(datagram) {
            let again = self.repeater.handle_repetition(now);
            self.transmits.extend(again.iter().cloned());
        }
        if closed {
            self.state = State::Over;
            return Ok(Some(DtlsEvent::Closed));
        }
        if connected.is_some() {
            self.state = State::Connected { kept: Vec::new() };
            self.budget = REPETITION_BUDGET;
            self.forget_handshake();
        }
        Ok(connected.map(DtlsEvent::Connected))
    }

    /// Media of the peer has opened with the keys of this handshake: it has our last flight.
    pub(crate) fn handle_proof(&mut self) {
        if self.repeater.is_repeating() {
            self.repeater.forget();
        }
    }

    /// Keeps of the association what opens and seals records, for alerts: some hundred bytes.
    /// rtc-dtls would keep each message of the handshake for as long as the call lasts.
    fn forget_handshake(&mut self) {
        let State::Connected { kept } = &mut self.state else {
            return;
        };
        let state = self.endpoint.get_connection_state(PEER);
        if let Some(Ok(state)) = state.map(rtc_dtls::state::State::marshal_binary) {
            *kept = state;
            self.endpoint = Endpoint::new(PEER, TransportProtocol::UDP, None);
        }
        if self.role == DtlsRole::Client {
            // Their Finished has answered our last flight.
            self.repeater.forget();
        }
        self.transmits.shrink_to_fit();
    }

    /// Takes up the association again where it was left.
    fn recall(&mut self, now: Instant) {
        let State::Connected { kept } = &self.state else {
            return;
        };
        let provider = self.identity.provider().clone();
        let is_client = self.role == DtlsRole::Client;
        let mut state = rtc_dtls::state::State::new(provider, is_client);
        // The state says which end we are; of the configuration nothing but the crypto is used.
        let recalled = state.unmarshal_binary(kept).and_then(|()| {
            let config = self.identity.client();
            self.endpoint.connect(now, PEER, config, Some(state))
        });
        if recalled.is_err() {
            tracing::debug!("a DTLS association cannot be taken up again");
        }
    }

    fn connected(&self) -> Result<Connected, HandshakeFailed> {
        let state = self
            .endpoint
            .get_connection_state(PEER)
            .ok_or(HandshakeFailed)?;
        let negotiated = state.srtp_protection_profile() as u16;
        let profile = SrtpProfile::from_number(negotiated).ok_or(HandshakeFailed)?;
        let certificate = state.peer_certificates.first().ok_or(HandshakeFailed)?;
        let material = state
            .export_keying_material("EXTRACTOR-dtls_srtp", &[], profile.material_length())
            .map_err(|_| HandshakeFailed)?;
        let [client, server] =
            MasterKey::split(profile, material.as_ref()).ok_or(HandshakeFailed)?;
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

    fn send_flight(&mut self, now: Instant) -> Sent {
        let mut flight = Vec::new();
        while let Some(transmit) = self.endpoint.poll_transmit() {
            flight.push(transmit.message.freeze());
        }
        if flight.is_empty() {
            return Sent::Nothing;
        }
        self.transmits.extend(flight.iter().cloned());
        if flight.iter().any(|datagram| is_fatal_alert(datagram)) {
            return Sent::FatalAlert;
        }
        if flight.iter().all(|datagram| is_alert(datagram)) {
            return Sent::Flight;
        }
        if matches!(
            (self.role, &self.state),
            (DtlsRole::Client, State::Handshaking)
        ) && flight.iter().any(|datagram| changes_cipher(datagram))
        {
            self.state = State::Finishing;
        }
        self.repeater.handle_flight(flight, now);
        Sent::Flight
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let renewal = match self.state {
            State::Finishing => self.endpoint.poll_timeout(&PEER),
            State::Idle
            | State::Listening { .. }
            | State::Handshaking
            | State::Connected { .. }
            | State::Over => None,
        };
        renewal
            .into_iter()
            .chain(self.repeater.poll_timeout())
            .min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if matches!(self.state, State::Finishing) {
            if self.endpoint.handle_timeout(PEER, now).is_err() {
                tracing::debug!("no more new attempts to finish");
            }
            self.send_flight(now);
        }
        let again = self.repeater.handle_timeout(now);
        self.transmits.extend(again.iter().cloned());
    }

    /// The next datagram to send to the peer.
    pub(crate) fn poll_transmit(&mut self) -> Option<Bytes> {
        self.transmits.pop_front()
    }

    /// Says goodbye (close_notify), if there is an association to end.
    pub(crate) fn close(&mut self, now: Instant) {
        if matches!(self.state, State::Connected { .. }) {
            self.recall(now);
            self.endpoint.stop(now, PEER);
            self.send_flight(now);
        }
        self.state = State::Over;
        self.repeater.settle();
    }
}

impl fmt::Debug for Association {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Association")
            .field("role", &self.role)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    Nothing,
    Flight,
    FatalAlert,
}
