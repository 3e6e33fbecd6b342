//! A phone leg's SRTP between two ends that share their keys: long calls, changes, forgeries.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::browser_leg::Identity;
use crate::endpoints::Ssrc;
use crate::simulate::{beginning, rtp_packet};
use crate::srtp::{SrtpLocal, SrtpPolicy, SrtpProfile};

const SSRC: Ssrc = Ssrc(0x2222);
const PHONE_SSRC: Ssrc = Ssrc(0x3333);
const SUITES: [SrtpProfile; 3] = [
    SrtpProfile::Aes128CmSha1_80,
    SrtpProfile::Aes128CmSha1_32,
    SrtpProfile::AeadAes128Gcm,
];

#[test]
fn three_roll_overs_are_survived_both_ways_with_losses() {
    for suite in SUITES {
        let mut call = Call::new(suite);
        for index in 0..220_000_u32 {
            let sequence = (index + 30_000) as u16;
            let ours = call.gateway.sealed(SSRC, sequence);
            let theirs = call.phone.sealed(PHONE_SSRC, sequence);
            if index % 7 == 3 || (100_000..101_000).contains(&index) {
                continue;
            }
            call.now += Duration::from_millis(20);
            assert!(call.phone.opens(&ours, call.now), "{suite:?} {index}");
            assert!(call.gateway.opens(&theirs, call.now), "{suite:?} {index}");
        }
    }
}

#[test]
fn a_jump_of_sequence_numbers_is_followed_and_old_packets_are_not_taken_again() {
    let mut call = Call::new(SrtpProfile::Aes128CmSha1_80);
    let early = call.phone.sealed(PHONE_SSRC, 100);
    assert!(call.gateway.opens(&early, call.now));
    for sequence in [101, 20_000, 30_000, 60_000, 10_000] {
        let sealed = call.phone.sealed(PHONE_SSRC, sequence);
        assert!(call.gateway.opens(&sealed, call.now), "{sequence}");
        assert!(!call.gateway.opens(&sealed, call.now), "again {sequence}");
    }
    assert!(!call.gateway.opens(&early, call.now));
}

#[test]
fn a_phone_may_change_its_source_but_not_without_end() {
    let mut call = Call::new(SrtpProfile::AeadAes128Gcm);
    let let_in = (0..200)
        .filter(|ssrc| {
            // The sender's guard is for our own few sources.
            let mut phone = call.end(call.theirs, call.ours);
            let sealed = phone.sealed(Ssrc(*ssrc), 1);
            call.gateway.opens(&sealed, call.now)
        })
        .count();
    assert_eq!(let_in, 64);
}

#[test]
fn a_new_key_of_the_phone_holds_at_once_and_its_old_one_for_a_few_seconds() {
    let mut call = Call::new(SrtpProfile::Aes128CmSha1_80);
    let first = call.phone.sealed(PHONE_SSRC, 1);
    assert!(call.gateway.opens(&first, call.now));
    let late = call.phone.sealed(PHONE_SSRC, 2);
    let later = call.phone.sealed(PHONE_SSRC, 3);
    let new = key(7, SrtpProfile::Aes128CmSha1_80);
    call.gateway.set_keys(Some(keys(call.ours, new)), call.now);
    let mut phone = call.end(new, call.ours);
    let sealed = phone.sealed(PHONE_SSRC, 4);
    assert!(call.gateway.opens(&sealed, call.now));
    assert!(call.gateway.opens(&late, call.now));
    assert!(!call.gateway.opens(&first, call.now), "seen");
    assert!(!call.gateway.opens(&later, call.now + GRACE));
    let sealed = phone.sealed(PHONE_SSRC, 5);
    assert!(call.gateway.opens(&sealed, call.now + GRACE));
}

#[test]
fn keys_that_are_told_again_go_on_where_they_were() {
    let mut call = Call::new(SrtpProfile::AeadAes128Gcm);
    for sequence in 0..70_000_u32 {
        let ours = call.gateway.sealed(SSRC, sequence as u16);
        let theirs = call.phone.sealed(PHONE_SSRC, sequence as u16);
        assert!(call.phone.opens(&ours, call.now));
        assert!(call.gateway.opens(&theirs, call.now));
        if sequence % 10_000 == 0 {
            call.gateway
                .set_keys(Some(keys(call.ours, call.theirs)), call.now);
            assert!(!call.gateway.opens(&theirs, call.now));
        }
    }
}

#[test]
fn what_is_not_sealed_does_not_open_and_a_plain_leg_opens_nothing() {
    let mut call = Call::new(SrtpProfile::Aes128CmSha1_80);
    let plain = rtp_packet(0, 1, PHONE_SSRC, &[0x55; 160]);
    assert!(!call.gateway.opens(&plain, call.now));
    let mut plain_leg = SdesSession::new(call.provider.clone());
    assert_eq!(plain_leg.open_rtp(&plain, call.now), None);
    assert_eq!(plain_leg.seal_rtp(&plain), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Equal packets under equal keys and numbers would look alike: none ever do, whatever suites
    /// and keys the phone goes through, and however numbers are repeated.
    #[test]
    fn no_index_is_used_twice(
        steps in prop::collection::vec((0_usize..8, any::<u16>(), 1_u16..400), 1..40),
    ) {
        let local = SrtpLocal::new(SrtpPolicy::Optional, [5; 32]);
        let provider = provider();
        let mut session = SdesSession::new(provider);
        let now = beginning();
        let mut seen = HashSet::new();
        for (step, start, count) in steps {
            match SUITES.get(step) {
                Some(suite) => {
                    let theirs = key(start as u8, *suite);
                    session.set_keys(Some(keys(local.key(*suite), theirs)), now);
                }
                None if step == 3 => session.set_keys(None, now),
                None => {}
            }
            for sequence in (0..count).map(|ahead| start.wrapping_add(ahead)) {
                let packet = rtp_packet(0, sequence, SSRC, &[0x55; 40]);
                if let Some(Ok(sealed)) = session.seal_rtp(&packet) {
                    // The payload alone: the header tells numbers apart that the key must.
                    prop_assert!(seen.insert(sealed[12..52].to_vec()));
                }
                if let Some(Ok(report)) = session.seal_rtcp(&[&[0x80, 201, 0, 11, 0, 0, 0, 9][..], &[7; 40]].concat()) {
                    prop_assert!(seen.insert(report[8..48].to_vec()));
                }
            }
        }
    }
}

struct Call {
    gateway: SdesSession,
    phone: SdesSession,
    ours: SdesKey,
    theirs: SdesKey,
    provider: Provider,
    now: Instant,
}

impl Call {
    fn new(suite: SrtpProfile) -> Self {
        let (ours, theirs) = (key(1, suite), key(2, suite));
        let provider = provider();
        let mut call = Self {
            gateway: SdesSession::new(provider.clone()),
            phone: SdesSession::new(provider.clone()),
            ours,
            theirs,
            provider,
            now: beginning(),
        };
        call.gateway = call.end(ours, theirs);
        call.phone = call.end(theirs, ours);
        call
    }

    fn end(&self, local: SdesKey, remote: SdesKey) -> SdesSession {
        let mut end = SdesSession::new(self.provider.clone());
        end.set_keys(Some(keys(local, remote)), self.now);
        end
    }
}

impl SdesSession {
    fn sealed(&mut self, ssrc: Ssrc, sequence: u16) -> Vec<u8> {
        let packet = rtp_packet(0, sequence, ssrc, &[0x55; 20]);
        let sealed = self.seal_rtp(&packet).expect("encrypted");
        sealed.expect("sealed").to_vec()
    }

    fn opens(&mut self, packet: &[u8], now: Instant) -> bool {
        self.open_rtp(packet, now).expect("encrypted").is_ok()
    }
}

fn key(seed: u8, suite: SrtpProfile) -> SdesKey {
    SrtpLocal::new(SrtpPolicy::Required, [seed; 32]).key(suite)
}

fn keys(local: SdesKey, remote: SdesKey) -> SdesKeys {
    SdesKeys { local, remote }
}

fn provider() -> Provider {
    Identity::generate().expect("identity").provider().clone()
}
