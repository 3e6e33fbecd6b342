//! Feedback on video through a worker: what receivers ask of us is met from what was kept, and what
//! only the sender on the other leg can do is asked of it there.

use std::time::Instant;

use super::VideoStream;
use crate::rtcp::feedback::{Wishes, tmmbn, wishes};
use crate::rtp::SeqNo;
use crate::worker::egress::{Channel, Egress};
use crate::worker::legs::{LegKey, Legs};

impl Legs {
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
        // Where we send it no video, the audio's answers tell.
        let round_trip = video.rtcp.statistics().round_trip;
        let round_trip = round_trip.or_else(|| slot.rtcp.statistics().round_trip);
        video.stream.set_round_trip(round_trip);
        let wishes = video.stream.take_wishes(compound, now);
        video.stream.repeat(&wishes.lost, |packet| {
            if let Some(to) = to {
                // One that the socket does not take is asked for again.
                let _taken = egress.to_browser(to, packet);
            }
        });
        let (limit, peer) = (video.stream.rate.limit(), video.stream.peer);
        if let Some(asked) = wishes.tmmbr {
            let answer = video.rtcp.feedback(&tmmbn(video.stream.ssrc(), asked));
            slot.send_rtcp(&answer, egress);
        }
        let Some(phone) = peer else {
            return;
        };
        let Some(slot) = self.phones.get_mut(phone) else {
            return;
        };
        if let Some(stream) = &mut slot.video {
            stream.pass_on(&wishes);
            if let Some(told) = stream.tell_limit(limit, now) {
                slot.send_rtcp(&slot.rtcp.feedback(&told), egress);
            }
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
        stream.set_round_trip(slot.rtcp.statistics().round_trip);
        let wishes = stream.take_wishes(compound, now);
        let source = &mut slot.source;
        stream.repeat(&wishes.lost, |packet| {
            if let Some(to) = source.rtp_destination(packet.len()) {
                // One that the socket does not take is asked for again.
                let _taken = egress.to_phone(key, Channel::Rtp, to, packet);
            }
        });
        let (limit, peer) = (stream.rate.limit(), stream.peer);
        if let Some(asked) = wishes.tmmbr {
            let answer = tmmbn(stream.ssrc(), asked);
            slot.send_rtcp(&slot.rtcp.feedback(&answer), egress);
        }
        let Some(slot) = peer.and_then(|browser| self.browsers.get_mut(browser)) else {
            return;
        };
        if let Some(video) = &mut slot.video {
            video.stream.pass_on(&wishes);
            if let Some(told) = video.stream.tell_limit(limit, now) {
                let packet = video.rtcp.feedback(&told);
                slot.send_rtcp(&packet, egress);
            }
        }
        slot.send_video_request(now, egress);
        if let Some(browser) = peer {
            self.rearm(LegKey::Browser(browser), now);
        }
    }
}

impl VideoStream {
    /// What a compound packet of the far end says of what it is sent.
    fn take_wishes(&mut self, compound: &[u8], now: Instant) -> Wishes {
        let wishes = wishes(compound, self.ssrc(), &mut self.last_fir);
        if let Some(rate) = wishes.rate {
            self.rate.set_asked(rate);
        }
        if let Some(lost) = wishes.lost_part {
            self.rate.handle_report(lost, now);
        }
        wishes
    }

    /// Repeats the lost packets that are still there. Those that never came to us are asked for on
    /// the other leg already.
    fn repeat(&mut self, lost: &[SeqNo], mut send: impl FnMut(&[u8])) {
        let Some(sent) = &mut self.sent else {
            return;
        };
        for sequence in lost {
            if let Some(packet) = sent.repeat(*sequence) {
                send(packet);
            }
        }
    }

    /// Takes up what is wished of the far end, which sends. A receiver that never asks has a broken
    /// picture whenever it has lost something.
    fn pass_on(&mut self, wishes: &Wishes) {
        let lost = wishes.lost_part.is_some_and(|lost| lost > 0);
        if wishes.keyframe || (lost && !self.receiver_asks) {
            self.want_keyframe();
        }
    }
}
