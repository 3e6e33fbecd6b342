//! What the fuzz targets of the browser's side run. Each panics if a decoder breaks a promise.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rtc_crypto::RTCCrypto;
use rtc_stun::attributes::{ATTR_USERNAME, AttrType};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, Message, Setter, TransactionId};

use super::client_hello::{HelloAssembler, MAX_HELLO};
use super::ice::{IceLimits, Responder, ufrag_of_check};
use super::{
    BrowserAddr, BrowserCore, BrowserEvent, BrowserLimits, Credentials, DatagramKind, Identity,
    datagram_kind,
};
use crate::endpoints::{DtlsRole, Ssrc};
use crate::fuzz::{origin, rows};
use crate::rtp::{HEADER_LENGTH, Header, Pt, RtpTimestamp, SeqNo};
use crate::srtp::{MasterKey, SrtpKeys, SrtpProfile, SrtpSession, header_for_decryption};

static IDENTITY: LazyLock<Arc<Identity>> =
    LazyLock::new(|| Arc::new(Identity::generate().expect("a certificate can be made")));

const ICE: IceLimits = IceLimits {
    first_check: Duration::from_secs(60),
    consent: Duration::from_secs(30),
};

/// A row of datagrams that may hold pieces of a ClientHello: what is kept of them is bounded.
pub fn client_hello(bytes: &[u8]) {
    let mut hello = HelloAssembler::default();
    for (_, datagram) in rows(bytes) {
        hello.handle_datagram(datagram);
        assert!(hello.length() <= MAX_HELLO);
        let _known = hello.offers_srtp(SrtpProfile::GCM_NUMBER);
    }
}

/// A connectivity check as it came: nobody without the password is let in. Then a signed one with
/// the same bytes as a row of attributes. No answer is larger than its question.
pub fn check(bytes: &[u8]) {
    let now = origin();
    let credentials = Credentials::random(&mut StdRng::from_seed([1; 32]));
    let (from, crypto) = (address(1), IDENTITY.crypto());
    let mut responder = Responder::new(credentials.clone(), ICE);
    let _known = ufrag_of_check(bytes);
    let answer = responder.handle_check(bytes, from, now, crypto);
    assert!(answer.is_none_or(|answer| answer.len() <= bytes.len()));
    assert_eq!(responder.destination(), None);
    if let Some(signed) = signed_check(&credentials, bytes, crypto) {
        assert_eq!(ufrag_of_check(&signed), Some(credentials.ufrag));
        let answer = responder.handle_check(&signed, from, now, crypto);
        assert!(answer.is_none_or(|answer| answer.len() <= signed.len()));
    }
}

fn signed_check(
    credentials: &Credentials,
    attributes: &[u8],
    crypto: &dyn RTCCrypto,
) -> Option<Vec<u8>> {
    let mut message = Message::new();
    let username = format!("{}:them", credentials.ufrag);
    let begin: [Box<dyn Setter>; 2] = [Box::new(BINDING_REQUEST), Box::new(TransactionId([7; 12]))];
    message.build(&begin).ok()?;
    message.add(ATTR_USERNAME, username.as_bytes());
    for (kind, value) in rows(attributes) {
        message.add(
            AttrType(u16::from(kind) << 8 & 0x8000 | u16::from(kind & 0x7f)),
            value,
        );
    }
    let pwd = credentials.pwd.clone();
    MessageIntegrity::new_short_term_integrity_with_provider(pwd, crypto)
        .add_to(&mut message)
        .ok()?;
    FINGERPRINT.add_to(&mut message).ok()?;
    Some(message.raw)
}

/// Datagrams at a leg whose address ICE has validated, or has not: handshake, media and reports
/// before there are keys. Nobody gets in, and strangers get no answer.
pub fn browser(bytes: &[u8]) {
    let mut now = origin();
    let credentials = Credentials::random(&mut StdRng::from_seed([1; 32]));
    let limits = BrowserLimits {
        ice: ICE,
        dtls: Duration::from_secs(30),
    };
    let role = match bytes.first() {
        Some(first) if first & 1 == 1 => DtlsRole::Client,
        Some(_) | None => DtlsRole::Server,
    };
    let check = signed_check(&credentials, &[], IDENTITY.crypto()).expect("a plain check");
    let mut leg = BrowserCore::new(IDENTITY.clone(), credentials, role, limits);
    leg.handle_check(&check, address(1), now);
    for (flags, datagram) in rows(bytes.get(1..).unwrap_or_default()) {
        now += Duration::from_millis(u64::from(flags & 0x7f));
        leg.handle_timeout(now);
        let from = address(u16::from(flags >> 7) + 1);
        match datagram_kind(datagram) {
            DatagramKind::Stun => leg.handle_check(datagram, from, now),
            DatagramKind::Dtls => {
                let _refused = leg.handle_dtls(datagram, from, now);
            }
            DatagramKind::Rtp => assert!(leg.open_rtp(datagram, from, now).is_err()),
            DatagramKind::Rtcp => assert!(leg.open_rtcp(datagram, from, now).is_err()),
            DatagramKind::Other => {}
        }
        while let Some((to, answer)) = leg.poll_transmit() {
            assert!(to == address(1) || datagram_kind(&answer) == DatagramKind::Stun);
        }
        while let Some(event) = leg.poll_event() {
            assert_ne!(event, BrowserEvent::Connected);
        }
        assert!(leg.addresses().all(|known| known == address(1)));
    }
}

/// A row of packets at an SRTP session: each as it is, which opens nothing, and as bits to be
/// flipped in a real one, which opens only when there are none.
pub fn srtp(bytes: &[u8]) {
    let now = origin();
    let profile = match bytes.first() {
        Some(first) if first & 1 == 1 => SrtpProfile::AeadAes128Gcm,
        Some(_) | None => SrtpProfile::Aes128CmSha1_80,
    };
    let (mut ours, mut theirs) = (session(profile, false, now), session(profile, true, now));
    let packets = rows(bytes.get(1..).unwrap_or_default());
    for (sequence, (_, packet)) in (0..).zip(packets) {
        if let (Some(walked), Ok(parsed)) = (header_for_decryption(packet), Header::parse(packet)) {
            let length = if walked.extension {
                HEADER_LENGTH + 4 + walked.extensions_padding
            } else {
                HEADER_LENGTH
            };
            assert_eq!(length, parsed.payload.start);
        }
        assert!(ours.open_rtp(packet, now).is_err());
        assert!(ours.open_rtcp(packet, now).is_err());
        let plain = voice(sequence);
        let mut sealed = theirs.seal_rtp(&plain).expect("a fresh header").to_vec();
        let mut whole = true;
        for (byte, flip) in sealed.iter_mut().zip(packet) {
            *byte ^= flip;
            whole &= *flip == 0;
        }
        match ours.open_rtp(&sealed, now) {
            Ok(opened) => assert!(whole && opened[..] == plain[..]),
            Err(_) => assert!(!whole),
        }
    }
}

fn session(profile: SrtpProfile, swapped: bool, now: Instant) -> SrtpSession {
    let material: Vec<u8> = (0..).take(profile.material_length()).collect();
    let [mut local, mut remote] = MasterKey::split(profile, &material).expect("its own length");
    if swapped {
        std::mem::swap(&mut local, &mut remote);
    }
    let keys = SrtpKeys {
        profile,
        local,
        remote,
    };
    SrtpSession::new(IDENTITY.provider(), keys, &[Ssrc(1)], now).expect("good keys")
}

fn voice(sequence: u16) -> Vec<u8> {
    let header = Header {
        marker: false,
        payload_type: Pt::PCMU,
        sequence: SeqNo(sequence),
        timestamp: RtpTimestamp(u32::from(sequence) * 160),
        ssrc: Ssrc(1),
        payload: HEADER_LENGTH..HEADER_LENGTH,
    };
    [&header.to_bytes()[..], &[0x55; 20]].concat()
}

fn address(port: u16) -> BrowserAddr {
    BrowserAddr::udp(([192, 0, 2, 1], port).into())
}
