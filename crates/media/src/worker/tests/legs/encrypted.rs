//! Calls whose phone leg is encrypted with keys from SDP, through a whole worker.

use std::net::SocketAddr;

use super::*;
use crate::browser_leg::Identity;
use crate::srtp::{SdesKeys, SdesSession, SrtpLocal, SrtpPolicy, SrtpProfile};

#[test]
fn audio_and_reports_are_encrypted_both_ways() {
    let (mut call, mut phone) = encrypted();
    for _ in 0..500 {
        call.browser_says();
        phone.says(&mut call);
    }
    let heard = call.browser.rtp.len();
    assert!(heard >= 499, "{heard}");
    assert_eq!(phone.hears(&call, Channel::Rtp), 500);
    assert!(phone.hears(&call, Channel::Rtcp) >= 1);
    let plain = call.sent_to_phone(Channel::Rtp);
    assert!(plain.iter().all(|packet| packet.len() > 172));
    let stats = call.stats(PHONE);
    assert_eq!(stats.received.packets, 500);
    assert_eq!(stats.dropped.unauthentic, 0);
}

/// Attack M4: nothing is learned from packets that do not open, and nothing ends.
#[test]
fn a_million_packets_with_bad_tags_teach_nothing_and_end_nothing() {
    let (mut call, mut phone) = encrypted();
    let stranger = "203.0.113.66:6666".parse().expect("address");
    let known = phone_remote().rtp;
    // Before the phone was ever heard: runs in sequence, from elsewhere and from its own address.
    for index in 0..500_000_u32 {
        let from = if index % 2 == 0 { stranger } else { known };
        call.forged(from, PHONE_SSRC, index as u16);
    }
    assert!(!call.legs.phones[call.phone_key].source.is_heard());
    assert!(call.browser.rtp.is_empty());
    for _ in 0..50 {
        call.now += SECOND / 10;
        call.browser_says();
        phone.says(&mut call);
    }
    // Keys of unknown sources are tried so many times a second: the flood has had this one's share.
    let heard = call.browser.rtp.len();
    assert!(heard >= 40, "{heard}");
    // And in the middle of the call, under the phone's own source and under others. Where media
    // goes is looked at by whoever records it.
    for index in 0..500_000_u32 {
        let from = if index % 2 == 0 { stranger } else { known };
        let ssrc = if index % 5 == 0 {
            Ssrc(index)
        } else {
            PHONE_SSRC
        };
        call.forged(from, ssrc, phone.sequence.wrapping_add(index as u16));
    }
    let before = call.browser.rtp.len();
    for _ in 0..50 {
        call.browser_says();
        phone.says(&mut call);
    }
    assert_eq!(call.browser.rtp.len() - before, 50);
    let dropped = call.stats(PHONE).dropped;
    let refused = dropped.unauthentic + dropped.unknown_ssrc + dropped.replayed;
    assert_eq!(refused, 1_000_000 + (50 - heard as u64));
    assert!(
        !call
            .phone_heard
            .iter()
            .any(|event| matches!(event, LegEvent::Failed(_)))
    );
}

#[test]
fn plain_audio_and_plain_reports_are_dropped_on_an_encrypted_leg() {
    let (mut call, _) = encrypted();
    for sequence in 0..100 {
        call.advance(SECOND / 50);
        call.phone_says(sequence);
        call.phone_reports();
    }
    assert!(call.browser.rtp.is_empty());
    assert!(!call.legs.phones[call.phone_key].source.is_heard());
    let stats = call.stats(PHONE);
    assert_eq!(stats.received.packets, 0);
    assert!(stats.dropped.unauthentic >= 100);
}

#[test]
fn after_half_an_hour_on_hold_the_same_keys_go_on() {
    let (mut call, mut phone) = encrypted();
    for _ in 0..100 {
        call.browser_says();
        phone.says(&mut call);
    }
    call.bridge(pcmu().closed());
    call.command(Command::SetPhoneRemote(PHONE, None));
    call.check_every_five_seconds(1800 * SECOND);
    let (sent, heard) = (phone.hears(&call, Channel::Rtp), call.browser.rtp.len());
    call.command(Command::SetPhoneRemote(PHONE, Some(phone.remote())));
    call.bridge(pcmu());
    for _ in 0..100 {
        call.browser_says();
        phone.says(&mut call);
    }
    assert_eq!(phone.hears(&call, Channel::Rtp) - sent, 100);
    assert_eq!(call.browser.rtp.len() - heard, 100);
}

/// The other end of the phone leg.
struct Phone {
    srtp: SdesSession,
    keys: SdesKeys,
    sequence: u16,
    /// Datagrams of the record that it has looked at.
    taken: usize,
    heard: [usize; 2],
}

fn encrypted() -> (Call, Phone) {
    let mut call = Call::connected();
    let suite = SrtpProfile::Aes128CmSha1_80;
    let key = |seed| SrtpLocal::new(SrtpPolicy::Required, [seed; 32]).key(suite);
    let keys = SdesKeys {
        local: key(1),
        remote: key(2),
    };
    let identity = Identity::generate().expect("identity");
    let mut srtp = SdesSession::new(identity.provider().clone());
    let turned = SdesKeys {
        local: keys.remote,
        remote: keys.local,
    };
    srtp.set_keys(Some(turned), call.now);
    let phone = Phone {
        srtp,
        keys,
        sequence: 65_000,
        taken: call.sockets.sent.len(),
        heard: [0; 2],
    };
    call.command(Command::SetPhoneRemote(PHONE, Some(phone.remote())));
    (call, phone)
}

impl Phone {
    fn remote(&self) -> PhoneRemote {
        PhoneRemote {
            srtp: Some(self.keys),
            ..phone_remote()
        }
    }

    fn says(&mut self, call: &mut Call) {
        self.sequence = self.sequence.wrapping_add(1);
        let voice = voice(PHONE_SSRC, self.sequence);
        let sealed = self.srtp.seal_rtp(&voice).expect("encrypted");
        let mut sealed = sealed.expect("sealed").to_vec();
        call.take_from(phone_remote().rtp, &mut sealed);
    }

    /// How many of the packets sent to it so far it could open: all of them, or this fails.
    fn hears(&mut self, call: &Call, wanted: Channel) -> usize {
        for (channel, datagram) in &call.sockets.sent[self.taken..] {
            if datagram.is_empty() {
                continue;
            }
            let opened = match channel {
                Channel::Rtp => self.srtp.open_rtp(datagram, call.now),
                Channel::Rtcp => self.srtp.open_rtcp(datagram, call.now),
            };
            assert!(opened.expect("encrypted").is_ok());
            self.heard[*channel as usize] += 1;
        }
        self.taken = call.sockets.sent.len();
        self.heard[wanted as usize]
    }
}

impl Call {
    fn take_from(&mut self, from: SocketAddr, datagram: &mut [u8]) {
        let (key, now) = (self.phone_key, self.now);
        self.legs
            .handle_phone_datagram(key, Channel::Rtp, datagram, from, now, &mut self.sockets);
        self.pass();
    }

    fn forged(&mut self, from: SocketAddr, ssrc: Ssrc, sequence: u16) {
        let mut packet = voice(ssrc, sequence);
        packet.extend([sequence as u8; 10]);
        let (key, now) = (self.phone_key, self.now);
        let sockets = &mut self.sockets;
        let channel = Channel::Rtp;
        self.legs
            .handle_phone_datagram(key, channel, &mut packet, from, now, sockets);
    }
}
