//! The way of video through a worker: packets, feedback, and the bridge between two legs.

use std::ops::Range;
use std::time::Instant;

use bytes::Bytes;
use rand::RngExt;

use super::{BrowserVideo, Forward, VideoStream};
use crate::event::Link;
use crate::rtcp::feedback::{Wishes, wishes};
use crate::rtp::{HEADER_LENGTH, Header, RtpTimestamp, SeqNo};
use crate::video::{CLOCK_RATE, VideoRelay};
use crate::worker::browser_slot::{BrowserSlot, sent_facts};
use crate::worker::egress::{Channel, Egress};
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
        let stream = slot.video.get_or_insert_with(|| {
            Box::new(VideoStream::new(slot.ssrc, relay.phone, first(), now))
        });
        stream.replan(relay.phone);
        let other_browser = stream.peer.replace(browser).filter(|old| *old != browser);
        let slot = &mut self.browsers[browser];
        let (ssrc, rtcp) = (slot.ssrc.beside(), &slot.rtcp);
        let video = slot.video.get_or_insert_with(|| {
            Box::new(BrowserVideo {
                stream: VideoStream::new(ssrc, relay.browser, first(), now),
                rtcp: rtcp.beside(ssrc, CLOCK_RATE, seed),
                tally: Tally::new(Link::Unchecked),
            })
        });
        video.stream.replan(relay.browser);
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
        video.stream.heard(header.ssrc);
        let Some(phone) = video.stream.peer else {
            video.tally.dropped.not_open += 1;
            return;
        };
        let Some(stream) = self
            .phones
            .get_mut(phone)
            .and_then(|slot| slot.video.as_mut())
        else {
            return;
        };
        if !slot.gate.browser_to_phone {
            video.tally.dropped.not_open += 1;
            stream.interrupt();
            return;
        }
        match stream.forward(header, now) {
            Forward::Send(fresh, sequence) => {
                let begun = stream.has_begun();
                let range = headed(packet, header, fresh);
                self.phones[phone].send_video(&packet[range], sequence, now, egress);
                if begun {
                    video.stream.want_keyframe();
                }
            }
            Forward::Closed => video.tally.dropped.not_open += 1,
            Forward::Dropped => {}
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
        stream.heard(header.ssrc);
        let browser = stream
            .peer
            .and_then(|browser| self.browsers.get_mut(browser));
        let (Some(browser), true) = (browser, stream.takes(header.payload_type)) else {
            slot.tally.dropped.unplanned += 1;
            return;
        };
        let gate = browser.gate.phone_to_browser && browser.core.is_connected();
        let Some(video) = &mut browser.video else {
            return;
        };
        if !gate {
            slot.tally.dropped.not_open += 1;
            video.stream.interrupt();
            return;
        }
        match video.stream.forward(header, now) {
            Forward::Send(fresh, sequence) => {
                if video.stream.has_begun() {
                    stream.want_keyframe();
                }
                let range = headed(packet, header, fresh);
                browser.send_video(&packet[range], sequence, now, egress);
            }
            Forward::Closed => slot.tally.dropped.not_open += 1,
            Forward::Dropped => {}
        }
        let browser = stream.peer;
        slot.send_video_request(now, egress);
        if let Some(browser) = browser {
            self.rearm(LegKey::Browser(browser), now);
        }
    }

    /// RTCP of a browser that has video.
    pub(in crate::worker) fn handle_browser_feedback(
        &mut self,
        at: usize,
        compound: &[u8],
        now: Instant,
        egress: &mut impl Egress,
    ) {
        let slot = &mut self.browsers[at];
        let to = slot.core.destination();
        let Some(video) = &mut slot.video else {
            return;
        };
        video.rtcp.handle_rtcp(compound, now);
        let wishes = video.stream.wishes(compound);
        let missed = video.stream.repeat(&wishes.lost, |packet| {
            if let Some(to) = to {
                // One that the socket does not take is asked for again.
                let _taken = egress.to_browser(to, &packet);
            }
        });
        let Some(phone) = video.stream.peer else {
            return;
        };
        let Some(slot) = self.phones.get_mut(phone) else {
            return;
        };
        let tail = slot
            .video
            .as_mut()
            .map(|stream| stream.pass_on(&wishes, &missed));
        if let Some(tail) = tail.filter(|tail| !tail.is_empty()) {
            slot.send_rtcp(&slot.rtcp.feedback(&tail), egress);
        }
        slot.send_video_request(now, egress);
        self.rearm(LegKey::Phone(phone), now);
    }

    /// RTCP on a phone's leg of video.
    pub(in crate::worker) fn handle_phone_feedback(
        &mut self,
        at: usize,
        compound: &[u8],
        now: Instant,
        egress: &mut impl Egress,
    ) {
        let slot = &mut self.phones[at];
        let key = slot.key;
        let Some(stream) = &mut slot.video else {
            return;
        };
        let wishes = stream.wishes(compound);
        let source = &mut slot.source;
        let missed = stream.repeat(&wishes.lost, |packet| {
            if let Some(to) = source.rtp_destination() {
                // One that the socket does not take is asked for again.
                let _taken = egress.to_phone(key, Channel::Rtp, to, &packet);
            }
        });
        let Some(browser) = stream.peer else {
            return;
        };
        let Some(slot) = self.browsers.get_mut(browser) else {
            return;
        };
        if let Some(video) = &mut slot.video {
            let tail = video.stream.pass_on(&wishes, &missed);
            if !tail.is_empty() {
                let packet = video.rtcp.feedback(&tail);
                slot.send_rtcp(&packet, egress);
            }
        }
        slot.send_video_request(now, egress);
        self.rearm(LegKey::Browser(browser), now);
    }
}

/// Writes a fresh header right before the payload; where header and payload are.
fn headed(packet: &mut [u8], header: &Header, fresh: [u8; HEADER_LENGTH]) -> Range<usize> {
    let start = header.payload.start - HEADER_LENGTH;
    packet[start..header.payload.start].copy_from_slice(&fresh);
    start..header.payload.end
}

impl VideoStream {
    /// What a compound packet of the far end says of what it is sent.
    fn wishes(&mut self, compound: &[u8]) -> Wishes {
        wishes(compound, self.ssrc(), &mut self.last_fir)
    }

    /// Repeats the lost packets that are still there; the others are those that never came to us,
    /// by the numbers of their sender.
    fn repeat(&mut self, lost: &[SeqNo], mut send: impl FnMut(Bytes)) -> Vec<SeqNo> {
        let mut missed = Vec::new();
        for sequence in lost {
            match &mut self.sent {
                Some(sent) if sent.has(*sequence) => {
                    if let Some(packet) = sent.repeat(*sequence) {
                        send(packet);
                    }
                }
                Some(_) | None => missed.extend(self.numbering.of_source(*sequence)),
            }
        }
        missed
    }

    /// What the far end, which sends, is told of the wishes of who receives it.
    fn pass_on(&mut self, wishes: &Wishes, missed: &[SeqNo]) -> Vec<u8> {
        if wishes.keyframe {
            self.want_keyframe();
        }
        let mut tail = self.nack(missed).unwrap_or_default();
        tail.extend(
            wishes
                .rate
                .and_then(|rate| self.limit(rate))
                .unwrap_or_default(),
        );
        tail
    }
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
                if let Some(sent) = &mut video.stream.sent {
                    sent.keep(sequence, sealed.freeze());
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
        if let Some(sent) = self.video.as_mut().and_then(|stream| stream.sent.as_mut()) {
            let kept = match left {
                Left::Plain => Bytes::copy_from_slice(packet),
                Left::Encrypted(packet) => packet.freeze(),
            };
            sent.keep(sequence, kept);
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
    }
}
