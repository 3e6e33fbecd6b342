//! The guards around rtc-srtp. Each pitfall of the crate is a test here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc_srtp::context::Context;

use super::{MasterKey, Refused, SrtpKeys, SrtpProfile, SrtpSession};
use crate::browser_leg::Identity;
use crate::endpoints::Ssrc;
use crate::rtp::Header;
use crate::simulate::{beginning, rtp_packet};

const PROFILES: [SrtpProfile; 6] = [
    SrtpProfile::Aes128CmSha1_80,
    SrtpProfile::Aes128CmSha1_32,
    SrtpProfile::Aes256CmSha1_80,
    SrtpProfile::Aes256CmSha1_32,
    SrtpProfile::AeadAes128Gcm,
    SrtpProfile::AeadAes256Gcm,
];
const SSRC: Ssrc = Ssrc(77);

/// Media.md's packet from a phone: legal by RFC 3550, and deadly to rtc-srtp.
const DEADLY: &str = "908afbfcad7c4016642c205ebede0002847f23816ca6750b81ba95d4f51428";

#[test]
fn what_one_end_seals_the_other_opens() {
    for profile in PROFILES {
        let mut pair = Pair::new(profile);
        for sequence in 0..100 {
            let plain = rtp_packet(111, sequence, SSRC, b"twenty milliseconds");
            let sealed = pair.browser.seal_rtp(&plain).expect("sealed");
            assert_ne!(sealed[12..], plain[12..]);
            assert_eq!(
                pair.gateway.open_rtp(&sealed, pair.now),
                Ok(plain[..].into())
            );
        }
        let report = receiver_report(SSRC);
        let sealed = pair.browser.seal_rtcp(&report).expect("sealed");
        let opened = pair.gateway.open_rtcp(&sealed, pair.now);
        assert_eq!(opened, Ok(report[..].into()));
    }
}

#[test]
fn the_packet_that_panics_rtc_srtp_is_refused_and_passes_with_a_fresh_header() {
    let deadly: Vec<u8> = (0..DEADLY.len() / 2)
        .map(|at| u8::from_str_radix(&DEADLY[2 * at..2 * at + 2], 16).expect("hex"))
        .collect();
    for profile in PROFILES {
        let mut pair = Pair::new(profile);
        assert_eq!(pair.gateway.seal_rtp(&deadly), Err(Refused::Malformed));
        let header = Header::parse(&deadly).expect("legal");
        let mut fresh = header.to_bytes().to_vec();
        fresh.extend(&deadly[header.payload.clone()]);
        let sealed = pair.gateway.seal_rtp(&fresh).expect("sealed");
        let opened = pair.browser.open_rtp(&sealed, pair.now);
        assert_eq!(opened, Ok(fresh[..].into()));
    }
}

#[test]
fn only_a_plain_twelve_byte_header_is_sealed() {
    let mut pair = Pair::new(SrtpProfile::AeadAes128Gcm);
    for first in [0x90, 0x81, 0xa0, 0x00, 0x40, 0xc0] {
        let mut packet = rtp_packet(0, 1, SSRC, b"payload");
        packet[0] = first;
        assert_eq!(pair.gateway.seal_rtp(&packet), Err(Refused::Malformed));
    }
    assert_eq!(pair.gateway.seal_rtp(&[0x80; 11]), Err(Refused::Malformed));
}

#[test]
fn header_extensions_of_every_legal_kind_leave_the_payload_whole() {
    let extensions: [(u16, &[u8]); 7] = [
        (0xbede, &[0x10, 5, 0, 0]),
        (0xbede, &[0x10, 5, 0, 0, 0x20, 6, 0, 0]),
        (0xbede, &[]),
        (0xbede, &[0, 0, 0, 0]),
        // Identifier 15 ends the walk (RFC 8285 §4.2); rtc-rtp then loses count.
        (0xbede, &[0x10, 5, 0xf0, 0, 1, 2, 3, 4]),
        (0x1000, &[1, 1, 9, 0, 0, 0, 0, 0]),
        (0xabac, &[1, 2, 3, 4, 5, 6, 7, 8]),
    ];
    for profile in PROFILES {
        for (kind, extension) in extensions {
            for sources in [0, 2] {
                let mut pair = Pair::new(profile);
                let plain = extended(kind, extension, sources);
                let sealed = pair.seal_whole(&plain);
                let opened = pair.gateway.open_rtp(&sealed, pair.now);
                assert_eq!(opened, Ok(plain[..].into()), "{kind:x} {extension:?}");
            }
        }
    }
}

#[test]
fn a_replayed_packet_is_refused() {
    for profile in PROFILES {
        let mut pair = Pair::new(profile);
        let sealed = pair.browser.seal_rtp(&rtp_packet(0, 9, SSRC, b"x"));
        let sealed = sealed.expect("sealed");
        assert!(pair.gateway.open_rtp(&sealed, pair.now).is_ok());
        let again = pair.gateway.open_rtp(&sealed, pair.now);
        assert_eq!(again, Err(Refused::Replayed));
        let sealed = pair.browser.seal_rtcp(&receiver_report(SSRC));
        let sealed = sealed.expect("sealed");
        assert!(pair.gateway.open_rtcp(&sealed, pair.now).is_ok());
        let again = pair.gateway.open_rtcp(&sealed, pair.now);
        assert_eq!(again, Err(Refused::Replayed));
    }
}

#[test]
fn a_forgery_before_the_first_packet_leaves_no_trace() {
    for profile in PROFILES {
        let mut pair = Pair::new(profile);
        let mut forged = rtp_packet(0, 20_000, SSRC, &[0x55; 60]);
        assert_eq!(
            pair.gateway.open_rtp(&forged, pair.now),
            Err(Refused::Unauthentic)
        );
        for sequence in [9, 10, 8] {
            forged[2..4].copy_from_slice(&(sequence + 5_000_u16).to_be_bytes());
            assert!(pair.gateway.open_rtp(&forged, pair.now).is_err());
            let sealed = pair.browser.seal_rtp(&rtp_packet(0, sequence, SSRC, b"x"));
            let sealed = sealed.expect("sealed");
            assert!(pair.gateway.open_rtp(&sealed, pair.now).is_ok());
        }
        let sealed = pair.browser.seal_rtcp(&receiver_report(SSRC));
        let sealed = sealed.expect("sealed");
        let tag = profile.rtcp_tag_length();
        let mut forged = sealed.to_vec();
        forged[sealed.len() - tag - 4] = 0xff;
        assert_eq!(
            pair.gateway.open_rtcp(&forged, pair.now),
            Err(Refused::Unauthentic)
        );
        assert!(pair.gateway.open_rtcp(&sealed, pair.now).is_ok());
    }
}

#[test]
fn a_forged_or_cut_packet_is_refused_whatever_is_cut() {
    for profile in PROFILES {
        let mut pair = Pair::new(profile);
        let plain = extended(0xbede, &[0x10, 5, 0, 0], 1);
        let sealed = pair.seal_whole(&plain);
        for cut in 0..sealed.len() {
            assert!(pair.gateway.open_rtp(&sealed[..cut], pair.now).is_err());
            let _safe = pair.gateway.open_rtcp(&sealed[..cut], pair.now);
        }
        for at in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[at] ^= 0x10;
            pair.now += Duration::from_secs(1);
            assert!(pair.gateway.open_rtp(&bent, pair.now).is_err(), "{at}");
        }
        assert!(pair.gateway.open_rtp(&sealed, pair.now).is_ok());
    }
}

#[test]
fn unencrypted_srtcp_is_refused() {
    for profile in PROFILES {
        let mut pair = Pair::new(profile);
        let sealed = pair.browser.seal_rtcp(&receiver_report(SSRC));
        let mut forged = receiver_report(SSRC);
        // The E bit clear, an index, and for AES-CM any tag: rtc-srtp would not look at it.
        forged.extend([0, 0, 0, 9]);
        forged.extend([0; 16]);
        let refused = pair.gateway.open_rtcp(&forged, pair.now);
        assert_eq!(refused, Err(Refused::Unauthentic));
        let mut stripped = sealed.expect("sealed").to_vec();
        let index = stripped.len() - 4 - profile.rtcp_tag_length();
        stripped[index] &= 0x7f;
        let refused = pair.gateway.open_rtcp(&stripped, pair.now);
        assert_eq!(refused, Err(Refused::Unauthentic));
    }
}

#[test]
fn forged_sources_leave_no_state_behind() {
    let mut pair = Pair::new(SrtpProfile::AeadAes128Gcm);
    let (mut tried, mut ignored) = (0, 0);
    for ssrc in 0..200_000 {
        let mut forged = rtp_packet(111, 5, Ssrc(ssrc), &[1; 40]);
        forged[0] = 0x80;
        if ssrc == SSRC.0 {
            continue;
        }
        match pair.gateway.open_rtp(&forged, pair.now) {
            Err(Refused::Unauthentic) => tried += 1,
            Err(Refused::UnknownSsrc) => ignored += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(tried, 8, "the key is tried a few times a second");
    assert_eq!(ignored, 200_000 - 1 - 8);
    let sealed = pair.browser.seal_rtp(&rtp_packet(0, 1, SSRC, b"x"));
    let opened = pair.gateway.open_rtp(&sealed.expect("sealed"), pair.now);
    assert!(opened.is_ok(), "the announced source is not hurt");
}

#[test]
fn an_unannounced_source_is_let_in_by_its_key_and_their_number_is_bounded() {
    let mut pair = Pair::new(SrtpProfile::Aes128CmSha1_80);
    let mut let_in = 0;
    for ssrc in 1000..1032 {
        pair.now += Duration::from_secs(1);
        let plain = rtp_packet(0, 1, Ssrc(ssrc), b"x");
        let sealed = pair.browser.seal_rtp(&plain).expect("sealed");
        match pair.gateway.open_rtp(&sealed, pair.now) {
            Ok(opened) => {
                assert_eq!(opened, plain);
                let_in += 1;
            }
            Err(refused) => assert_eq!(refused, Refused::UnknownSsrc),
        }
    }
    assert_eq!(let_in, 31, "32 with the announced one");
}

#[test]
fn the_roll_over_at_65536_packets_is_survived() {
    for profile in PROFILES {
        let mut pair = Pair::new(profile);
        for index in 0..140_000_u32 {
            let plain = rtp_packet(0, (index + 65_000) as u16, SSRC, b"x");
            let sealed = pair.browser.seal_rtp(&plain).expect("sealed");
            if index % 3 == 0 {
                continue;
            }
            let opened = pair.gateway.open_rtp(&sealed, pair.now);
            assert!(opened.is_ok(), "{profile:?}: packet {index}");
        }
    }
}

struct Pair {
    gateway: SrtpSession,
    browser: SrtpSession,
    browser_keys: SrtpKeys,
    identity: Arc<Identity>,
    now: Instant,
}

impl Pair {
    fn new(profile: SrtpProfile) -> Self {
        let identity = Arc::new(Identity::generate().expect("identity"));
        let now = beginning();
        let material: Vec<u8> = (0..profile.material_length() as u8).collect();
        let [ours, theirs] = MasterKey::split(profile, &material).expect("material");
        let keys = |local: &MasterKey, remote: &MasterKey| SrtpKeys {
            profile,
            local: local.clone(),
            remote: remote.clone(),
        };
        let session = |keys| SrtpSession::new(identity.provider(), keys, &[SSRC], now);
        Self {
            gateway: session(keys(&ours, &theirs)).expect("session"),
            browser: session(keys(&theirs, &ours)).expect("session"),
            browser_keys: keys(&theirs, &ours),
            identity: identity.clone(),
            now,
        }
    }

    /// Encrypts a packet with its extensions, the way a browser does.
    fn seal_whole(&self, packet: &[u8]) -> Vec<u8> {
        let profile = self.browser_keys.profile.protection();
        let key = &self.browser_keys.local;
        let crypto = self.identity.crypto();
        let mut context =
            Context::new(&key.key, &key.salt, profile, None, None, crypto).expect("context");
        let parsed = Header::parse(packet).expect("RTP");
        let header = rtc_rtp::header::Header {
            version: 2,
            sequence_number: parsed.sequence.0,
            ssrc: parsed.ssrc.0,
            extension: true,
            extensions_padding: parsed.payload.start - 16,
            ..Default::default()
        };
        let sealed = context.encrypt_rtp_with_header(packet, &header);
        sealed.expect("sealed").to_vec()
    }
}

fn extended(kind: u16, extension: &[u8], sources: u8) -> Vec<u8> {
    let mut packet = rtp_packet(111, 1, SSRC, &[]);
    packet[0] |= 0x10 | sources;
    for source in 0..sources {
        packet.extend([source; 4]);
    }
    packet.extend(kind.to_be_bytes());
    packet.extend(((extension.len() / 4) as u16).to_be_bytes());
    packet.extend(extension);
    packet.extend([0x5a; 160]);
    packet
}

fn receiver_report(ssrc: Ssrc) -> Vec<u8> {
    let mut report = vec![0x80, 201, 0, 1];
    report.extend(ssrc.0.to_be_bytes());
    report
}
