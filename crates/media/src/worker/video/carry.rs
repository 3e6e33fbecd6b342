//! The way of video through a worker: packets, and the bridge between two legs.

use std::ops::Range;
use std::time::Instant;

use rand::RngExt;

use super::{BrowserVideo, Forward, REPORTS, VideoStream};
use crate::event::{LegEvent, Link};
use crate::rtp::{HEADER_LENGTH, Header, RtpTimestamp, SeqNo};
use crate::video::{CLOCK_RATE, VideoRelay};
use crate::worker::browser_slot::{BrowserSlot, sent_facts};
use crate::worker::egress::Egress;
use crate::worker::legs::{LegKey, Legs};
use crate::worker::phone_slot::{Left, PhoneSlot};
use crate::worker::tally::Tally;

impl Legs {
    /// Joins a browser leg and a phone leg that carries nothing but video, or gives joined ones a
    /// new plan.
    pub(in crate::worker) fn bridge_video(
        &mut self,
        browser: usize,
        phone: usize,
        relay: &VideoRelay,
        now: Instant,
    ) {
        let seed = self.rng.random();
        let mut first = || {
            // Below half, as for audio.
            let sequence = SeqNo(self.rng.random::<u16>() & 0x7fff);
            (sequence, RtpTimestamp(self.rng.random()))
        };
        let slot = &mut self.phones[phone];
        slot.rtcp.set_clock_rate(CLOCK_RATE);
        slot.rtcp.report_every(REPORTS);
        let stream = slot.video.get_or_insert_with(|| {
            Box::new(VideoStream::new(slot.ssrc, relay.phone, first(), now))
        });
        stream.replan(relay.phone, relay.browser);
        let other_browser = stream.peer.replace(browser).filter(|old| *old != browser);
        let slot = &mut self.browsers[browser];
        let ssrc = slot.ssrc.beside();
        let rtcp = &slot.rtcp;
        let video = slot.video.get_or_insert_with(|| {
            let mut rtcp = rtcp.beside(ssrc, CLOCK_RATE, seed);
            rtcp.report_every(REPORTS);
            Box::new(BrowserVideo {
                stream: VideoStream::new(ssrc, relay.browser, first(), now),
                rtcp,
                tally: Tally::new(Link::Unchecked),
            })
        });
        video.stream.replan(relay.browser, relay.phone);
        let other_phone = video.stream.peer.replace(phone).filter(|old| *old != phone);
        if let Some(old) = other_phone.and_then(|old| self.phones.get_mut(old))
            && let Some(stream) = &mut old.video
        {
            stream.unbridge();
        }
        if let Some(old) = other_browser {
            self.unbridge_browser_video(old);
        }
    }

    /// The phone leg of a browser's video is gone.
    pub(in crate::worker) fn unbridge_browser_video(&mut self, browser: usize) {
        if let Some(slot) = self.browsers.get_mut(browser)
            && let Some(video) = &mut slot.video
        {
            video.stream.unbridge();
        }
    }

    /// The browser leg of a phone's video is gone.
    pub(in crate::worker) fn unbridge_phone_video(&mut self, phone: usize) {
        if let Some(slot) = self.phones.get_mut(phone)
            && let Some(stream) = &mut slot.video
        {
            stream.unbridge();
        }
    }

    /// A packet of video from a browser.
    pub(in crate::worker) fn handle_browser_video(
        &mut self,
        at: usize,
        packet: &mut [u8],
        header: &Header,
        now: Instant,
        egress: &mut impl Egress,
    ) {
        let slot = &mut self.browsers[at];
        let Some(video) = &mut slot.video else {
            return;
        };
        video.tally.received(packet.len());
        video.rtcp.handle_rtp(header, now);
        video.stream.heard(header, now);
        let Some(phone) = video.stream.peer else {
            video.tally.dropped.not_open += 1;
            video.stream.pass_over();
            return;
        };
        let Some(stream) = self
            .phones
            .get_mut(phone)
            .and_then(|slot| slot.video.as_mut())
        else {
            return;
        };
        let BrowserVideo {
            stream: from,
            tally,
            ..
        } = &mut **video;
        if !slot.gate.browser_to_phone {
            return stream.shut_to(from, tally);
        }
        if let Some((fresh, sequence)) = stream.carry(from, tally, header, now) {
            let range = headed(packet, header, fresh);
            self.phones[phone].send_video(&packet[range], sequence, now, egress);
        }
        self.browsers[at].send_video_request(now, egress);
        self.rearm(LegKey::Phone(phone), now);
    }

    /// A packet from a phone's leg of video.
    pub(in crate::worker) fn handle_phone_video(
        &mut self,
        at: usize,
        packet: &mut [u8],
        header: &Header,
        now: Instant,
        egress: &mut impl Egress,
    ) {
        let slot = &mut self.phones[at];
        let Some(stream) = &mut slot.video else {
            return;
        };
        stream.heard(header, now);
        let browser = stream
            .peer
            .and_then(|browser| self.browsers.get_mut(browser));
        let (Some(browser), true) = (browser, stream.takes(header.payload_type)) else {
            slot.tally.dropped.unplanned += 1;
            if stream.peer.is_none() {
                stream.pass_over();
            }
            return;
        };
        let gate = browser.gate.phone_to_browser && browser.core.is_connected();
        let Some(video) = &mut browser.video else {
            return;
        };
        if !gate {
            return video.stream.shut_to(stream, &mut slot.tally);
        }
        let carried = video.stream.carry(stream, &mut slot.tally, header, now);
        if let Some((fresh, sequence)) = carried {
            let range = headed(packet, header, fresh);
            browser.send_video(&packet[range], sequence, now, egress);
        }
        let browser = stream.peer;
        slot.send_video_request(now, egress);
        if let Some(browser) = browser {
            self.rearm(LegKey::Browser(browser), now);
        }
    }
}

impl VideoStream {
    /// A packet of the other leg's stream comes while its way to us is closed.
    fn shut_to(&mut self, from: &mut Self, tally: &mut Tally) {
        tally.dropped.not_open += 1;
        from.pass_over();
        self.interrupt();
    }

    /// A packet of the other leg's stream: the header and the number under which it goes on, if it
    /// does. Who begins to be sent to needs a keyframe.
    fn carry(
        &mut self,
        from: &mut Self,
        tally: &mut Tally,
        header: &Header,
        now: Instant,
    ) -> Option<([u8; HEADER_LENGTH], SeqNo)> {
        match self.forward(header, now) {
            Forward::Send(fresh, sequence) => {
                if self.has_begun() {
                    from.want_keyframe();
                }
                Some((fresh, sequence))
            }
            Forward::Closed => {
                tally.dropped.not_open += 1;
                from.pass_over();
                None
            }
            Forward::Dropped => None,
        }
    }
}

/// Writes a fresh header right before the payload; where header and payload are.
fn headed(packet: &mut [u8], header: &Header, fresh: [u8; HEADER_LENGTH]) -> Range<usize> {
    let start = header.payload.start - HEADER_LENGTH;
    packet[start..header.payload.start].copy_from_slice(&fresh);
    start..header.payload.end
}

impl BrowserSlot {
    /// Encrypts and sends a packet of video, and keeps it for a while.
    fn send_video(
        &mut self,
        packet: &[u8],
        sequence: SeqNo,
        now: Instant,
        egress: &mut impl Egress,
    ) {
        let Some(video) = &mut self.video else {
            return;
        };
        let Some(to) = self.core.destination() else {
            video.tally.dropped.not_open += 1;
            return;
        };
        match self.core.seal_rtp(packet) {
            Ok(sealed) => {
                let taken = egress.to_browser(to, &sealed);
                video.tally.sent(sealed.len(), taken);
                let (timestamp, payload) = sent_facts(packet);
                video.rtcp.handle_sent(timestamp, payload, now);
                video.stream.rate.handle_sent(sealed.len(), now);
                if let Some(sent) = &mut video.stream.sent {
                    sent.keep(sequence, sealed);
                }
            }
            Err(refused) => video.tally.refused(refused),
        }
    }

    /// Asks the browser for a keyframe if it is time to.
    pub(in crate::worker) fn send_video_request(&mut self, now: Instant, egress: &mut impl Egress) {
        if let Some(video) = &mut self.video
            && self.core.is_connected()
            && let Some(request) = video.stream.poll_request(now)
        {
            let packet = video.rtcp.feedback(&request);
            self.send_rtcp(&packet, egress);
        }
    }

    /// Sends the reports on video that are due.
    pub(in crate::worker) fn handle_video_timeout(
        &mut self,
        now: Instant,
        egress: &mut impl Egress,
    ) {
        if let Some(video) = &mut self.video
            && video.stream.peer.is_some()
            && let Some(report) = video.rtcp.handle_timeout(now)
        {
            self.send_rtcp(&report, egress);
        }
        self.send_video_request(now, egress);
    }
}

impl PhoneSlot {
    fn send_video(
        &mut self,
        packet: &[u8],
        sequence: SeqNo,
        now: Instant,
        egress: &mut impl Egress,
    ) {
        let Some(left) = self.transmit(packet, now, egress) else {
            return;
        };
        let Some(stream) = &mut self.video else {
            return;
        };
        stream.rate.handle_sent(packet.len(), now);
        if let Some(sent) = &mut stream.sent {
            match left {
                Left::Plain => sent.keep_copy(sequence, packet),
                Left::Encrypted(packet) => sent.keep(sequence, packet),
            }
        }
    }

    /// Asks the phone for a keyframe if it is time to.
    pub(in crate::worker) fn send_video_request(&mut self, now: Instant, egress: &mut impl Egress) {
        let request = self
            .video
            .as_mut()
            .and_then(|stream| stream.poll_request(now));
        if let Some(request) = request {
            let packet = self.rtcp.feedback(&request);
            self.send_rtcp(&packet, egress);
        }
        if let Some(stream) = &mut self.video
            && stream.poll_signal(now)
        {
            (self.on_event)(LegEvent::KeyframeNeeded);
        }
    }
}
