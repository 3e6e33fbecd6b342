//! Nothing that anybody sends may panic a leg: bent copies of everything real, by seeded dice.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::leg::Call;
use crate::endpoints::DtlsRole;
use crate::simulate::{BROWSER_SSRC, CheckKind, rtp_packet};

#[test]
fn bent_handshake_datagrams_panic_nothing() {
    for seed in 0..60 {
        let mut dice = StdRng::seed_from_u64(seed);
        let role = if seed % 2 == 0 {
            DtlsRole::Server
        } else {
            DtlsRole::Client
        };
        let mut call = Call::new(role);
        call.set_remote(call.browser.description());
        call.check(CheckKind::Nominating);
        for _ in 0..60 {
            while let Some((_, datagram)) = call.core.poll_transmit() {
                call.browser.handle_datagram(&datagram, call.now);
            }
            while let Some(datagram) = call.browser.poll_transmit() {
                for _ in 0..4 {
                    let bent = bend(&datagram, &mut dice);
                    let _refused = call.core.handle_dtls(&bent, call.address, call.now);
                }
                let _refused = call.core.handle_dtls(&datagram, call.address, call.now);
            }
            call.now += std::time::Duration::from_millis(20);
            call.core.handle_timeout(call.now);
            call.browser.handle_timeout(call.now);
        }
    }
}

#[test]
fn bent_media_and_checks_panic_nothing_and_pass_nothing() {
    let mut dice = StdRng::seed_from_u64(4711);
    let mut call = Call::connected();
    for sequence in 0..3000 {
        let plain = rtp_packet(111, sequence, BROWSER_SSRC, &[0x33; 60]);
        let media = call.browser.seal_rtp(&plain);
        let mut report = vec![0x80, 201, 0, 1];
        report.extend(BROWSER_SSRC.0.to_be_bytes());
        let report = call.browser.seal_rtcp(&report);
        let check = call.browser.check(&call.gateway(), CheckKind::Ordinary);
        let (address, now) = (call.address, call.now);
        for real in [&media, &report, &check] {
            let bent = bend(real, &mut dice);
            if bent == *real {
                continue;
            }
            assert!(call.core.open_rtp(&bent, address, now).is_err());
            assert!(call.core.open_rtcp(&bent, address, now).is_err());
            call.core.handle_check(&bent, address, now);
            let _refused = call.core.handle_dtls(&bent, address, now);
        }
        call.now += std::time::Duration::from_millis(20);
    }
    assert!(call.is_up());
}

/// A copy with something wrong with it.
fn bend(datagram: &[u8], dice: &mut StdRng) -> Vec<u8> {
    let mut bent = datagram.to_vec();
    for _ in 0..dice.random_range(1..4) {
        if bent.is_empty() {
            break;
        }
        let at = dice.random_range(0..bent.len());
        match dice.random_range(0..5) {
            0 => bent[at] ^= 1 << dice.random_range(0..8),
            1 => bent[at] = dice.random(),
            2 => bent.truncate(at),
            3 => bent.extend_from_slice(&datagram[..at.min(datagram.len())]),
            // Lengths and fragments live in the first bytes.
            _ => {
                let early = dice.random_range(0..bent.len().min(30));
                bent[early] = dice.random();
            }
        }
    }
    bent
}
