//! One leg's video: what is sent to its far end, and what is asked of it.
//!
//! Packets keep their frames (marker and timestamp) and get our payload type, source and one
//! continuous numbering, which lives as long as the leg: under SRTP no number may leave twice.
//! Each leg mends its own losses: what has not come is asked for, what was sent is kept for a while.
//! Keyframes are asked for at most every [`ASKING_INTERVAL`], and whenever a stream begins anew for
//! its receiver. Sans-IO; legs without video have none of this.

mod carry;
mod feedback;
mod missing;
mod rate;
mod sent;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use missing::Missing;
use rate::Rate;
use sent::SentPackets;

use super::tally::Tally;
use crate::endpoints::Ssrc;
use crate::event::VideoStats;
use crate::rewriter::numbering::{Arrival, Numbering};
use crate::rtcp::{RtcpSession, feedback as packets};
use crate::rtp::{HEADER_LENGTH, Header, Pt, RtpTimestamp, SeqNo};
use crate::video::{CLOCK_RATE, VideoEnd};

/// Least time between two requests for a keyframe.
const ASKING_INTERVAL: Duration = Duration::from_millis(300);
/// Least time between two limits of the rate that are told, and after which one is told again.
const TELLING_INTERVAL: Duration = Duration::from_millis(200);
const TELLING_AGAIN: Duration = Duration::from_secs(1);
/// Mean time between reports (RFC 4585 §3.4): losses of video must be known soon.
const REPORTS: Duration = Duration::from_secs(1);
/// Least time between two keyframes that signalling is to ask for.
const SIGNALLING_INTERVAL: Duration = Duration::from_secs(2);
/// A limit of the rate that is none.
const UNLIMITED: u64 = 20_000_000;
/// What a frame lasts at least, where timestamps have to be joined.
const FRAME: Duration = Duration::from_millis(33);

/// The video of a browser leg, beside its audio.
pub(crate) struct BrowserVideo {
    pub(super) stream: VideoStream,
    pub(super) rtcp: RtcpSession,
    pub(super) tally: Tally,
}

/// The video of one leg.
pub(crate) struct VideoStream {
    /// The leg it is bridged to, by the worker's numbering.
    pub(super) peer: Option<usize>,
    end: VideoEnd,
    ssrc: Ssrc,
    numbering: Numbering,
    /// What is sent next has nothing to build upon.
    fresh: bool,
    /// Kept only for a far end that says what it misses.
    sent: Option<SentPackets>,
    /// What the far end can be sent.
    rate: Rate,
    asking: Asking,
    /// What it has sent and has not come.
    missing: Missing,
    /// Whoever receives its video says by itself that it needs a keyframe.
    receiver_asks: bool,
    /// The number of the last FIR that came.
    last_fir: Option<u8>,
}

/// Requests to the far end, which sends.
#[derive(Debug, Default)]
struct Asking {
    /// Who sends; nobody can be asked before that is known.
    source: Option<Ssrc>,
    keyframe: bool,
    not_before: Option<Instant>,
    fir: u8,
    /// The same wish for an end without feedback, as signalling is to know it, and when it was
    /// told last.
    signal: bool,
    signalled: Option<Instant>,
    /// The limit of the rate it was told last.
    limit: Option<(u64, Instant)>,
}

/// What becomes of a packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Forward {
    /// It leaves with this header, under this number.
    Send([u8; HEADER_LENGTH], SeqNo),
    /// Nothing is sent just now.
    Closed,
    /// It was seen before, or carries nothing.
    Dropped,
}

impl BrowserVideo {
    pub(super) fn stats(&self) -> VideoStats {
        let rtcp = self.rtcp.statistics();
        VideoStats {
            received: self.tally.received,
            sent: self.tally.sent,
            lost: rtcp.lost,
            lost_at_peer: rtcp.remote_lost,
        }
    }
}

impl VideoStream {
    pub(super) fn new(
        ssrc: Ssrc,
        end: VideoEnd,
        (sequence, timestamp): (SeqNo, RtpTimestamp),
        now: Instant,
    ) -> Self {
        let mut stream = Self {
            peer: None,
            end,
            ssrc,
            numbering: Numbering::new(ssrc, CLOCK_RATE, sequence, timestamp, now).repaired(),
            fresh: true,
            sent: None,
            rate: Rate::default(),
            asking: Asking::default(),
            missing: Missing::default(),
            receiver_asks: true,
            last_fir: None,
        };
        stream.replan(end, end);
        stream
    }

    /// Takes a new plan for this end, and for the one that it is relayed to; numbering goes on.
    pub(super) fn replan(&mut self, end: VideoEnd, other: VideoEnd) {
        self.receiver_asks = other.feedback.pli || other.feedback.fir;
        self.rate.set_described(end.limit);
        if !end.open || end.send != self.end.send {
            self.interrupt();
        }
        self.end = end;
        if end.feedback.nack {
            self.sent.get_or_insert_default();
        } else {
            self.sent = None;
        }
    }

    /// What was sent left under other keys: none of it is repeated.
    pub(super) fn forget_sent(&mut self) {
        if let Some(sent) = &mut self.sent {
            *sent = SentPackets::default();
        }
    }

    /// Nothing is sent for a while: what comes next begins anew.
    pub(super) fn interrupt(&mut self) {
        self.numbering.pause();
        self.fresh = true;
    }

    /// The leg at the other end is gone.
    pub(super) fn unbridge(&mut self) {
        self.peer = None;
        self.pass_over();
        self.asking.keyframe = false;
        self.sent = None;
        self.interrupt();
    }

    pub(super) fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// Whether the far end sends its video with this payload type.
    pub(super) fn takes(&self, pt: Pt) -> bool {
        self.end.receive.contains(&pt)
    }

    /// The far end has sent a packet.
    pub(super) fn heard(&mut self, header: &Header, now: Instant) {
        if self.asking.source != Some(header.ssrc) {
            self.asking.source = Some(header.ssrc);
            self.asking.limit = None;
        }
        if self.end.feedback.nack {
            self.missing.handle_arrival(header, now);
        }
    }

    /// What the far end sends is not relayed just now: nothing of it is missed.
    pub(super) fn pass_over(&mut self) {
        self.missing.forget();
    }

    /// How long a packet takes to the far end and back, if that is known.
    pub(super) fn set_round_trip(&mut self, round_trip: Option<Duration>) {
        if let Some(round_trip) = round_trip {
            self.missing.set_round_trip(round_trip);
        }
    }

    /// Numbers a packet that is to be sent to the far end.
    pub(super) fn forward(&mut self, header: &Header, now: Instant) -> Forward {
        if !self.end.open {
            return Forward::Closed;
        }
        let arrival = self.numbering.handle_arrival(header);
        let next = match arrival {
            Arrival::Next => true,
            Arrival::Late => false,
            Arrival::Stale => return Forward::Dropped,
        };
        if header.payload.is_empty() {
            // Padding to try out the rate; the gap would look like a loss.
            if next {
                self.numbering.close_up();
            }
            return Forward::Dropped;
        }
        if next {
            self.numbering.handle_clock(header, now);
            self.fresh |= self.numbering.begins_anew();
        }
        let numbered = Header {
            marker: header.marker,
            payload_type: self.end.send,
            ..self.numbering.number(header, arrival, FRAME, now)
        };
        Forward::Send(numbered.to_bytes(), numbered.sequence)
    }

    /// Whether the packet just forwarded was the first of a stream that begins anew; told once.
    pub(super) fn has_begun(&mut self) -> bool {
        std::mem::take(&mut self.fresh)
    }

    /// Whoever receives this far end's video needs a keyframe.
    pub(super) fn want_keyframe(&mut self) {
        self.asking.keyframe = true;
    }

    /// What to ask of the far end now, if anything: packets that have not come, a keyframe.
    pub(super) fn poll_request(&mut self, now: Instant) -> Option<Vec<u8>> {
        let lost = self.poll_lost(now);
        let keyframe = self.poll_keyframe(now);
        match (lost, keyframe) {
            (Some(lost), Some(keyframe)) => Some([lost, keyframe].concat()),
            (lost, keyframe) => lost.or(keyframe),
        }
    }

    fn poll_lost(&mut self, now: Instant) -> Option<Vec<u8>> {
        let lost = self.missing.poll_lost(now);
        if self.missing.take_gave_up() && !self.receiver_asks {
            self.want_keyframe();
        }
        let source = self.asking.source.filter(|_| !lost.is_empty())?;
        Some(packets::nack(self.ssrc, source, &lost))
    }

    fn poll_keyframe(&mut self, now: Instant) -> Option<Vec<u8>> {
        let source = self.asking.source?;
        if !self.asking.keyframe || self.asking.not_before.is_some_and(|at| now < at) {
            return None;
        }
        self.asking.keyframe = false;
        self.asking.not_before = Some(now + ASKING_INTERVAL);
        if self.end.feedback.fir && !self.end.feedback.pli {
            self.asking.fir = self.asking.fir.wrapping_add(1);
            return Some(packets::fir(self.ssrc, source, self.asking.fir));
        }
        self.asking.signal |= !self.end.feedback.pli;
        // Those who have not agreed to it mostly understand it, and others pass it over.
        Some(packets::pli(self.ssrc, source))
    }

    /// Whether signalling is to ask for a keyframe now.
    pub(super) fn poll_signal(&mut self, now: Instant) -> bool {
        let last = self.asking.signalled;
        let soon = last.is_some_and(|at| now < at + SIGNALLING_INTERVAL);
        if soon || !std::mem::take(&mut self.asking.signal) {
            return false;
        }
        self.asking.signalled = Some(now);
        true
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let wanted = self.asking.keyframe && self.asking.source.is_some();
        let keyframe = self.asking.not_before.filter(|_| wanted);
        keyframe
            .into_iter()
            .chain(self.missing.poll_timeout())
            .min()
    }

    /// What the far end, which sends, is told of the limit of the other leg, as it understands it.
    pub(super) fn tell_limit(&mut self, limit: Option<u64>, now: Instant) -> Option<Vec<u8>> {
        let source = self.asking.source?;
        let told = self.asking.limit;
        let rate = match (limit, told) {
            (Some(limit), _) => limit.min(UNLIMITED),
            (None, Some(_)) => UNLIMITED,
            (None, None) => return None,
        };
        let is_due = told.is_none_or(|(before, at)| {
            let passed = now.saturating_duration_since(at);
            let changed = before.abs_diff(rate) > before / 32;
            passed >= TELLING_AGAIN || (changed && passed >= TELLING_INTERVAL)
        });
        let feedback = self.end.feedback;
        if !is_due || !(feedback.remb || feedback.tmmbr) {
            return None;
        }
        self.asking.limit = Some((rate, now));
        Some(if feedback.remb {
            packets::remb_of(self.ssrc, source, rate)
        } else {
            packets::tmmbr(self.ssrc, source, rate)
        })
    }
}
