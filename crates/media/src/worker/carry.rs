//! The way of a packet through a worker, and what a leg's timer does.
//!
//! Browser: first byte (RFC 7983), leg by user name or validated address, SRTP opened,
//! rewritten, phone. Phone: SRTP opened where there are keys, source checked, rewritten in place,
//! SRTP sealed, browser. What does not open is never looked at, least of all for its source.
//! No lock, no look-up by text and no log line on the way.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::BytesMut;

use super::addresses::Standing;
use super::egress::{Channel, Egress};
use super::legs::{LegKey, Legs};
use crate::browser_leg::{BrowserAddr, DatagramKind, datagram_kind, ufrag_of_check};
use crate::dtmf::Dtmf;
use crate::event::LegEvent;
use crate::phone_leg::Verdict;
use crate::rewriter::{AUDIO_PACKET_LENGTH, Outcome, Rewriter};
use crate::rtp::{Header, PacketKind, packet_kind};
use crate::srtp::Refused;

impl Legs {
    /// Takes a datagram from one of the browsers' sockets, or a frame of a connection; says what
    /// is known of who sent it.
    pub(crate) fn handle_browser_datagram(
        &mut self,
        datagram: &[u8],
        from: BrowserAddr,
        now: Instant,
        egress: &mut impl Egress,
    ) -> Standing {
        let kind = datagram_kind(datagram);
        if !self.rivals.is_empty()
            && kind != DatagramKind::Stun
            && let Some(standing) = self.handle_contested(kind, datagram, from, now, egress)
        {
            return standing;
        }
        let leg = match kind {
            DatagramKind::Stun => {
                ufrag_of_check(datagram).and_then(|ufrag| self.by_ufrag.get(&ufrag).copied())
            }
            DatagramKind::Dtls | DatagramKind::Rtp | DatagramKind::Rtcp => {
                self.by_address.get(&from).copied()
            }
            DatagramKind::Other => None,
        };
        let Some(at) = leg else {
            self.strangers += 1;
            return Standing::Stranger;
        };
        self.serve(LegKey::Browser(at), now, egress, |legs, egress| {
            if let Err(refused) = legs.take_from_browser(at, kind, datagram, from, now, egress) {
                legs.browsers[at].tally.refused(refused);
            }
        });
        match kind {
            DatagramKind::Stun => self.claim(at, from, now),
            DatagramKind::Dtls | DatagramKind::Rtp | DatagramKind::Rtcp | DatagramKind::Other => {
                Standing::Validated
            }
        }
    }

    /// Gives a leg a datagram of its browser.
    ///
    /// # Errors
    /// It was not the leg's after all.
    pub(super) fn take_from_browser(
        &mut self,
        at: usize,
        kind: DatagramKind,
        datagram: &[u8],
        from: BrowserAddr,
        now: Instant,
        egress: &mut impl Egress,
    ) -> Result<(), Refused> {
        let slot = &mut self.browsers[at];
        match kind {
            DatagramKind::Stun => slot.core.handle_check(datagram, from, now),
            DatagramKind::Dtls => slot.core.handle_dtls(datagram, from, now)?,
            DatagramKind::Rtp => {
                let packet = slot.core.open_rtp(datagram, from, now)?;
                self.handle_browser_rtp(at, packet, datagram.len(), now, egress);
            }
            DatagramKind::Rtcp => {
                let packet = slot.core.open_rtcp(datagram, from, now)?;
                slot.rtcp.handle_rtcp(&packet, now);
                slot.silence.heard(now);
                if slot.video.is_some() {
                    self.handle_browser_feedback(at, &packet, now, egress);
                }
            }
            DatagramKind::Other => {}
        }
        Ok(())
    }

    /// Takes an opened packet, which came in so many bytes.
    fn handle_browser_rtp(
        &mut self,
        at: usize,
        mut packet: BytesMut,
        received: usize,
        now: Instant,
        egress: &mut impl Egress,
    ) {
        let slot = &mut self.browsers[at];
        let Ok(header) = Header::parse(&packet) else {
            slot.tally.dropped.malformed += 1;
            return;
        };
        if let Some(video) = &slot.video
            && video.stream.takes(header.payload_type)
        {
            return self.handle_browser_video(at, &mut packet, &header, now, egress);
        }
        slot.tally.received(received);
        slot.tally.meter.handle_rtp(&packet, &header, now);
        slot.rtcp.handle_rtp(&header, now);
        slot.silence.heard(now);
        let phone = slot.phone.filter(|_| slot.gate.browser_to_phone);
        let Some(phone) = phone.and_then(|phone| self.phones.get_mut(phone)) else {
            slot.tally.dropped.not_open += 1;
            return;
        };
        let Some(rewriter) = &mut phone.rewriter else {
            slot.tally.dropped.not_open += 1;
            return;
        };
        match rewriter.handle_rtp(&mut packet, &header, now) {
            Outcome::Send(range) => phone.send_rtp(&packet[range], now, egress),
            Outcome::Absorbed => {}
            Outcome::Dropped(why) => slot.tally.not_relayed(why),
        }
        let phone = phone.key;
        self.drain_phone_rewriter(phone, now, egress);
    }

    /// Sends generated events and transcoded audio to the phone; the digits are the browser's to tell.
    pub(super) fn drain_phone_rewriter(
        &mut self,
        at: usize,
        now: Instant,
        egress: &mut impl Egress,
    ) {
        let slot = &mut self.phones[at];
        while let Some(packet) = slot.rewriter.as_mut().and_then(|r| r.poll_transmit()) {
            slot.send_rtp(&packet, now, egress);
        }
        if slot.rewriter.as_ref().is_some_and(Rewriter::makes_audio) {
            let mut packet = [0; AUDIO_PACKET_LENGTH];
            while let Some(rewriter) = &mut slot.rewriter
                && let Some(length) = rewriter.poll_audio(&mut packet, now)
            {
                slot.send_rtp(&packet[..length], now, egress);
            }
        }
        while let Some(dtmf) = slot.rewriter.as_mut().and_then(|r| r.poll_event()) {
            if let Some(browser) = slot.browser.and_then(|at| self.browsers.get(at)) {
                (browser.on_event)(pressed(&dtmf));
            }
        }
        self.rearm(LegKey::Phone(at), now);
    }

    /// A key of the phone that signalling has told of. It is told as one that was heard, unless it
    /// was.
    pub(super) fn handle_told_key(
        &mut self,
        at: usize,
        dtmf: Dtmf,
        now: Instant,
        egress: &mut impl Egress,
    ) {
        let slot = &self.phones[at];
        let browser = slot.browser.filter(|browser| {
            let slot = self.browsers.get(*browser);
            slot.is_some_and(|slot| slot.rewriter.is_some())
        });
        let Some(browser) = browser else {
            return (slot.on_event)(pressed(&dtmf));
        };
        if let Some(rewriter) = &mut self.browsers[browser].rewriter {
            rewriter.handle_told(dtmf, now);
        }
        self.drain_browser_rewriter(browser, now, egress);
    }

    /// Takes a datagram from one of a phone leg's sockets.
    pub(crate) fn handle_phone_datagram(
        &mut self,
        at: usize,
        channel: Channel,
        datagram: &mut [u8],
        from: SocketAddr,
        now: Instant,
        egress: &mut impl Egress,
    ) {
        if !self.phones.get(at).is_some_and(|slot| slot.live) {
            return;
        }
        self.serve(LegKey::Phone(at), now, egress, |legs, egress| {
            let slot = &mut legs.phones[at];
            match (packet_kind(datagram), channel) {
                (PacketKind::Rtp, Channel::Rtp) => {
                    legs.handle_phone_rtp(at, datagram, from, now, egress);
                }
                (PacketKind::Rtcp, Channel::Rtp | Channel::Rtcp) => {
                    let known = slot.source.is_heard();
                    let report = slot.handle_rtcp(datagram, from, now);
                    if let Some(report) = report
                        && slot.video.is_some()
                    {
                        legs.handle_phone_feedback(at, &report, now, egress);
                    } else if !known && let Some(browser) = slot.browser {
                        legs.vouch_for_video(browser);
                    }
                }
                (PacketKind::Rtp, Channel::Rtcp)
                | (PacketKind::Other, Channel::Rtp | Channel::Rtcp) => {
                    slot.tally.dropped.malformed += 1;
                }
            }
        });
    }

    fn handle_phone_rtp(
        &mut self,
        at: usize,
        datagram: &mut [u8],
        from: SocketAddr,
        now: Instant,
        egress: &mut impl Egress,
    ) {
        let slot = &mut self.phones[at];
        let received = datagram.len();
        let mut opened = match slot.srtp.open_rtp(datagram, now).transpose() {
            Ok(opened) => opened,
            Err(refused) => return slot.tally.refused(refused),
        };
        let datagram = opened.as_deref_mut().unwrap_or(datagram);
        let Ok(header) = Header::parse(datagram) else {
            slot.tally.dropped.malformed += 1;
            return;
        };
        let known = slot.source.is_heard();
        match slot.source.handle_rtp(from, &header, now) {
            Verdict::Accept | Verdict::Learned => {}
            Verdict::Stranger => {
                slot.tally.dropped.unknown_source += 1;
                return;
            }
        }
        slot.tally.received(received);
        slot.tally.meter.handle_rtp(datagram, &header, now);
        slot.rtcp.handle_rtp(&header, now);
        slot.silence.heard(now);
        if slot.video.is_some() {
            return self.handle_phone_video(at, datagram, &header, now, egress);
        }
        if !known && let Some(browser) = slot.browser {
            self.vouch_for_video(browser);
        }
        let slot = &mut self.phones[at];
        let browser = slot.browser.and_then(|at| self.browsers.get_mut(at));
        let Some(browser) = browser.filter(|browser| browser.gate.phone_to_browser) else {
            slot.tally.dropped.not_open += 1;
            return;
        };
        let Some(rewriter) = &mut browser.rewriter else {
            slot.tally.dropped.not_open += 1;
            return;
        };
        match rewriter.handle_rtp(datagram, &header, now) {
            Outcome::Send(range) => browser.send_rtp(&datagram[range], now, egress),
            Outcome::Absorbed => {}
            Outcome::Dropped(why) => slot.tally.not_relayed(why),
        }
        if let Some(browser) = slot.browser {
            self.drain_browser_rewriter(browser, now, egress);
        }
    }

    /// Sends generated events and transcoded audio to the browser; the digits are the phone's to tell.
    fn drain_browser_rewriter(&mut self, at: usize, now: Instant, egress: &mut impl Egress) {
        let slot = &mut self.browsers[at];
        while let Some(packet) = slot.rewriter.as_mut().and_then(|r| r.poll_transmit()) {
            slot.send_rtp(&packet, now, egress);
        }
        if slot.rewriter.as_ref().is_some_and(Rewriter::makes_audio) {
            let mut packet = [0; AUDIO_PACKET_LENGTH];
            while let Some(rewriter) = &mut slot.rewriter
                && let Some(length) = rewriter.poll_audio(&mut packet, now)
            {
                slot.send_rtp(&packet[..length], now, egress);
            }
        }
        while let Some(dtmf) = slot.rewriter.as_mut().and_then(|r| r.poll_event()) {
            if let Some(phone) = slot.phone.and_then(|at| self.phones.get(at)) {
                (phone.on_event)(pressed(&dtmf));
            }
        }
        self.rearm(LegKey::Browser(at), now);
    }

    /// The earliest deadline of any leg.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Serves the legs whose deadlines have come.
    pub(crate) fn handle_timeout(&mut self, now: Instant, egress: &mut impl Egress) {
        while let Some(key) = self.pop_expired(now) {
            self.serve(key, now, egress, |legs, egress| match key {
                LegKey::Browser(at) => legs.handle_browser_timeout(at, now, egress),
                LegKey::Phone(at) => legs.handle_phone_timeout(at, now, egress),
            });
        }
    }

    fn handle_browser_timeout(&mut self, at: usize, now: Instant, egress: &mut impl Egress) {
        let slot = &mut self.browsers[at];
        slot.core.handle_timeout(now);
        if let Some(report) = slot.rtcp.handle_timeout(now) {
            slot.send_rtcp(&report, egress);
        }
        if let Some(silence) = slot.silence.handle_timeout(now) {
            (slot.on_event)(LegEvent::MediaStopped { silence });
        }
        slot.handle_video_timeout(now, egress);
        if let Some(rewriter) = &mut slot.rewriter {
            rewriter.handle_timeout(now);
        }
        self.drain_browser_rewriter(at, now, egress);
    }

    fn handle_phone_timeout(&mut self, at: usize, now: Instant, egress: &mut impl Egress) {
        if let Some(browser) = self.phones[at].browser {
            // It may have been heard meanwhile.
            self.update_silence(browser, now);
        }
        let slot = &mut self.phones[at];
        if let Some(report) = slot.rtcp.handle_timeout(now) {
            slot.send_rtcp(&report, egress);
        }
        if let Some(silence) = slot.silence.handle_timeout(now) {
            (slot.on_event)(LegEvent::MediaStopped { silence });
        }
        slot.send_video_request(now, egress);
        slot.keep_open(now, egress);
        if let Some(rewriter) = &mut slot.rewriter {
            rewriter.handle_timeout(now);
        }
        self.drain_phone_rewriter(at, now, egress);
    }
}

fn pressed(dtmf: &Dtmf) -> LegEvent {
    LegEvent::Dtmf {
        digit: dtmf.digit.as_char(),
        duration: dtmf.duration,
    }
}
