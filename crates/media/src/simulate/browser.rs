//! A browser as the gateway sees one: connectivity checks, DTLS, SRTP. Sans-IO.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use rtc_stun::attributes::{
    ATTR_ICE_CONTROLLED, ATTR_ICE_CONTROLLING, ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME,
};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message, Setter, TransactionId};
use rtc_stun::xoraddr::XorMappedAddress;

use super::dtls_peer::{DtlsPeer, PeerEvent};
use crate::browser_leg::Identity;
use crate::endpoints::{BrowserLocal, BrowserRemote, DtlsRole, Fingerprint, Ssrc};
use crate::srtp::{MasterKey, SrtpKeys, SrtpProfile, SrtpSession};

/// The source of what it sends.
pub(crate) const BROWSER_SSRC: Ssrc = Ssrc(0x0bad_cafe);

/// A browser.
pub(crate) struct SimBrowser {
    identity: Arc<Identity>,
    role: DtlsRole,
    dtls: DtlsPeer,
    srtp: Option<SrtpSession>,
    outbox: Vec<Vec<u8>>,
    /// The reflexive addresses it has been told in answer to its checks.
    pub(crate) mapped: Vec<SocketAddr>,
    /// Decrypted RTP.
    pub(crate) rtp: Vec<Vec<u8>>,
    /// Decrypted RTCP.
    pub(crate) rtcp: Vec<Vec<u8>>,
    /// The gateway's certificate, once connected.
    pub(crate) gateway: Option<Fingerprint>,
    pub(crate) profile: Option<SrtpProfile>,
    pub(crate) closed: bool,
}

/// What a check says beside the credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CheckKind {
    Ordinary,
    Nominating,
    /// It believes to be the controlled end.
    Controlled,
}

impl SimBrowser {
    /// A browser that takes `role` in the handshake.
    pub(crate) fn new(role: DtlsRole, now: Instant) -> Self {
        Self {
            identity: Arc::new(Identity::generate().expect("identity")),
            role,
            dtls: DtlsPeer::new(role, 1150, now),
            srtp: None,
            outbox: Vec::new(),
            mapped: Vec::new(),
            rtp: Vec::new(),
            rtcp: Vec::new(),
            gateway: None,
            profile: None,
            closed: false,
        }
    }

    /// What its SDP says.
    pub(crate) fn description(&self) -> BrowserRemote {
        BrowserRemote {
            fingerprint: self.dtls.fingerprint(),
            role: match self.role {
                DtlsRole::Client => DtlsRole::Server,
                DtlsRole::Server => DtlsRole::Client,
            },
            ufrag: "them".to_owned(),
            pwd: "the browser's own password".to_owned(),
            ssrcs: vec![BROWSER_SSRC],
            audio_level: None,
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.srtp.is_some()
    }

    /// A connectivity check for the gateway.
    pub(crate) fn check(&self, gateway: &BrowserLocal, kind: CheckKind) -> Vec<u8> {
        check(self.identity.crypto(), &gateway.ufrag, &gateway.pwd, kind)
    }

    /// Begins the handshake if that is its part; otherwise harmless.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        let outbox = &mut self.outbox;
        let event = self
            .dtls
            .handle_timeout(now, &mut |datagram| outbox.push(datagram));
        self.handle_event(event, now);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.dtls.poll_timeout()
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        (!self.outbox.is_empty()).then(|| self.outbox.remove(0))
    }

    pub(crate) fn handle_datagram(&mut self, datagram: &[u8], now: Instant) {
        match datagram.first() {
            Some(0..=3) => self.handle_answer(datagram),
            Some(20..=63) => {
                let outbox = &mut self.outbox;
                let event = self
                    .dtls
                    .handle_datagram(datagram, now, &mut |datagram| outbox.push(datagram));
                self.handle_event(event, now);
            }
            Some(128..=191) => {
                let srtp = self.srtp.as_mut().expect("media after the handshake only");
                if (192..=223).contains(&datagram[1]) {
                    let packet = srtp.open_rtcp(datagram, now).expect("authentic SRTCP");
                    self.rtcp.push(packet.to_vec());
                } else {
                    let packet = srtp.open_rtp(datagram, now).expect("authentic SRTP");
                    self.rtp.push(packet.to_vec());
                }
            }
            other => panic!("the gateway sent a datagram that begins with {other:?}"),
        }
    }

    fn handle_answer(&mut self, datagram: &[u8]) {
        let mut answer = Message::new();
        answer.unmarshal_binary(datagram).expect("STUN");
        if answer.typ == BINDING_SUCCESS {
            let mut mapped = XorMappedAddress::default();
            rtc_stun::message::Getter::get_from(&mut mapped, &answer).expect("mapped address");
            self.mapped.push(SocketAddr::new(mapped.ip, mapped.port));
        }
    }

    fn handle_event(&mut self, event: Option<PeerEvent>, now: Instant) {
        match event {
            Some(PeerEvent::Connected {
                material,
                profile,
                gateway,
            }) => {
                let profile = SrtpProfile::from_number(profile).expect("known profile");
                let [client, server] = MasterKey::split(profile, &material).expect("material");
                let (local, remote) = match self.role {
                    DtlsRole::Client => (client, server),
                    DtlsRole::Server => (server, client),
                };
                let keys = SrtpKeys {
                    profile,
                    local,
                    remote,
                };
                let srtp = SrtpSession::new(self.identity.provider(), keys, &[], now);
                self.srtp = Some(srtp.expect("session"));
                self.gateway = Some(gateway);
                self.profile = Some(profile);
            }
            Some(PeerEvent::Closed) => self.closed = true,
            None => {}
        }
    }

    /// Encrypts a plain RTP packet.
    pub(crate) fn seal_rtp(&mut self, packet: &[u8]) -> Vec<u8> {
        let srtp = self.srtp.as_mut().expect("connected");
        srtp.seal_rtp(packet).expect("sealed").to_vec()
    }

    /// Encrypts a plain RTCP packet.
    pub(crate) fn seal_rtcp(&mut self, packet: &[u8]) -> Vec<u8> {
        let srtp = self.srtp.as_mut().expect("connected");
        srtp.seal_rtcp(packet).expect("sealed").to_vec()
    }

    /// The page is closed.
    pub(crate) fn close(&mut self) {
        let outbox = &mut self.outbox;
        self.dtls.close(&mut |datagram| outbox.push(datagram));
    }
}

/// A plain RTP packet with a twelve-byte header.
pub(crate) fn rtp_packet(payload_type: u8, sequence: u16, ssrc: Ssrc, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, payload_type];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(ssrc.0.to_be_bytes());
    packet.extend(payload);
    packet
}

struct Raw(rtc_stun::attributes::AttrType, Vec<u8>);

impl Setter for Raw {
    fn add_to(&self, message: &mut Message) -> rtc_shared::error::Result<()> {
        message.add(self.0, &self.1);
        Ok(())
    }
}

/// A connectivity check as Chromium makes one.
pub(crate) fn check(
    crypto: &dyn rtc_crypto::RTCCrypto,
    ufrag: &str,
    pwd: &str,
    kind: CheckKind,
) -> Vec<u8> {
    let username = format!("{ufrag}:them");
    let role = match kind {
        CheckKind::Ordinary | CheckKind::Nominating => ATTR_ICE_CONTROLLING,
        CheckKind::Controlled => ATTR_ICE_CONTROLLED,
    };
    let mut parts: Vec<Box<dyn Setter + '_>> = vec![
        Box::new(TransactionId::new()),
        Box::new(BINDING_REQUEST),
        Box::new(Raw(ATTR_USERNAME, username.into_bytes())),
        Box::new(Raw(role, vec![7; 8])),
        Box::new(Raw(ATTR_PRIORITY, vec![0x6e, 0, 1, 0xff])),
    ];
    if kind == CheckKind::Nominating {
        parts.push(Box::new(Raw(ATTR_USE_CANDIDATE, Vec::new())));
    }
    parts.push(Box::new(
        MessageIntegrity::new_short_term_integrity_with_provider(pwd.to_owned(), crypto),
    ));
    parts.push(Box::new(FINGERPRINT));
    let mut message = Message::new();
    message.build(&parts).expect("check");
    message.raw
}
