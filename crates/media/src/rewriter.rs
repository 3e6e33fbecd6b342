//! Executes one way of a call: packets of one leg become packets of the other.
//!
//! Audio and comfort noise get a fresh 12-byte header: the other leg's payload type, our SSRC, a
//! numbering that never breaks ([`numbering`]). Extensions, contributing sources and padding stay
//! behind; the payload is not touched. Payload types that were not negotiated are dropped.
//! Where the two legs do not agree on a format, audio goes through a [`Transcoder`] instead and
//! leaves on its clock ([`transcoded`]), under the same numbering.
//!
//! Telephone events are not passed on but sent anew as a proper series ([`crate::dtmf`]), because
//! senders and receivers differ in what they think one is. While a digit is sent, audio packets
//! are dropped (RFC 4733 §2.6: either is allowed): receivers that mix both are rare, and ones that
//! take the audio for the end of the event are not. Phones without events are sent tones ([`tones`]).
//! Who waits hears music ([`music`]).
//!
//! Sans-IO. Not concerned with who sent a packet, nor with encryption.

mod music;
pub(crate) mod numbering;
#[cfg(test)]
mod tests;
mod tones;
mod transcoded;

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use music::Playing;
use numbering::{Arrival, Numbering};

use crate::dtmf::{Beat, Dtmf, EventPayload, EventReceiver, EventSender, Heard, Once, Player};
use crate::relay::{EventClock, Path, PayloadKind};
use crate::rtp::{HEADER_LENGTH, Header, Pt, RtpTimestamp, SeqNo, Ssrc};
use crate::transcode::Transcoder;

use tones::Ear;
pub(crate) use transcoded::AUDIO_PACKET_LENGTH;

/// Bytes of a generated telephone-event packet: header and the four bytes of RFC 4733 §2.3.
pub(crate) const EVENT_PACKET_LENGTH: usize = HEADER_LENGTH + EventPayload::LENGTH;
/// Digits reported but not yet polled; more are dropped.
const MAX_REPORTS: usize = 16;
/// Event packets made but not yet polled; more are dropped. The worker polls after each call.
const MAX_WAITING: usize = 16;

/// What became of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Send this range of the buffer: a fresh 12-byte header, then the payload.
    Send(Range<usize>),
    /// Nothing to send: an event that will be sent anew by [`Rewriter::poll_transmit`], or audio
    /// beside one.
    Absorbed,
    /// Dropped and to be counted.
    Dropped(Dropped),
}

/// Why a packet was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dropped {
    /// The way is closed (hold, gate).
    Closed,
    /// Its payload type was not negotiated, or means nothing to the other leg.
    UnknownPayloadType,
    /// Seen before, or it belongs before the last point where numbering was joined anew, or it is
    /// the first one of a jump that is not believed yet.
    Stale,
    /// A telephone event that is no digit.
    Event,
}

/// What is done with audio.
#[derive(Debug)]
enum Audio {
    /// It is sent on as it is.
    Relayed,
    /// It is decoded and encoded anew.
    Transcoded(Box<Transcoder>),
}

impl Audio {
    fn new(path: &Path) -> Self {
        let transcoder = || Transcoder::new(path.from, path.to).map(Box::new);
        (path.from != path.to)
            .then(transcoder)
            .flatten()
            .map_or(Self::Relayed, Self::Transcoded)
    }
}

/// Rewrites one direction.
#[derive(Debug)]
pub(crate) struct Rewriter {
    path: Path,
    gate: bool,
    audio: Audio,
    numbering: Numbering,
    receiver: EventReceiver,
    sender: EventSender,
    once: Once,
    /// The key that is down came in another form before.
    known: bool,
    player: Option<Box<Player>>,
    music: Option<Box<Playing>>,
    ear: Ear,
    waiting: VecDeque<[u8; EVENT_PACKET_LENGTH]>,
    reports: VecDeque<Dtmf>,
}

impl Rewriter {
    /// Starts a way that sends as `ssrc`, its numbering from these (random) values on.
    #[must_use]
    pub(crate) fn new(
        path: Path,
        ssrc: Ssrc,
        sequence: SeqNo,
        timestamp: RtpTimestamp,
        now: Instant,
    ) -> Self {
        let mut audio = Audio::new(&path);
        let ear = Ear::new(&path, &mut audio);
        let music = Playing::new(None, &path, now);
        let numbering = Numbering::new(ssrc, path.to.codec.clock_rate(), sequence, timestamp, now);
        Self {
            path,
            gate: true,
            audio,
            numbering,
            receiver: EventReceiver::default(),
            sender: EventSender::default(),
            once: Once::default(),
            known: false,
            player: None,
            music,
            ear,
            waiting: VecDeque::new(),
            reports: VecDeque::new(),
        }
    }

    /// Takes a new plan without a gap: numbering goes on, an event being sent is brought to its
    /// end.
    pub(crate) fn replan(&mut self, path: Path, now: Instant) {
        self.numbering.set_clock_rate(path.to.codec.clock_rate());
        if (self.path.from, self.path.to) != (path.from, path.to) {
            self.change_audio(Audio::new(&path));
            self.player = None;
            self.ear = Ear::new(&path, &mut self.audio);
        } else if self.path.in_band != path.in_band {
            self.player = None;
            self.ear = Ear::new(&path, &mut self.audio);
        }
        self.music = Playing::new(self.music.take(), &path, now);
        self.path = path;
        self.stop_if_closed(now);
    }

    /// Opens or closes the way, whatever the plan says: it is open when both agree.
    pub(crate) fn set_gate(&mut self, open: bool, now: Instant) {
        self.gate = open;
        self.stop_if_closed(now);
    }

    /// Rewrites `packet` in place; `header` is what [`Header::parse`] read from it. After each
    /// call, drain [`Self::poll_transmit`] and [`Self::poll_event`].
    pub(crate) fn handle_rtp(
        &mut self,
        packet: &mut [u8],
        header: &Header,
        now: Instant,
    ) -> Outcome {
        if !self.is_open() {
            return Outcome::Dropped(Dropped::Closed);
        }
        if let Audio::Transcoded(_) = self.audio {
            return self.handle_transcoded(packet, header, now);
        }
        let arrival = self.numbering.handle_arrival(header);
        let send = match self.path.receive.kind(header.payload_type) {
            PayloadKind::Audio => Some(self.path.send.audio),
            PayloadKind::ComfortNoise => self.path.send.comfort_noise,
            PayloadKind::Event(clock) => {
                return self.handle_event(packet, header, arrival, clock, now);
            }
            PayloadKind::Unknown => None,
        };
        if arrival == Arrival::Stale {
            return Outcome::Dropped(Dropped::Stale);
        }
        let Some(payload_type) = send else {
            self.leave_out(arrival);
            return Outcome::Dropped(Dropped::UnknownPayloadType);
        };
        if arrival == Arrival::Next {
            self.numbering.handle_clock(header, now);
            self.give_way(now);
        }
        if arrival == Arrival::Next && matches!(self.ear, Ear::Relay(_)) {
            let payload = packet.get(header.payload.clone()).unwrap_or_default();
            self.listen_to(header.sequence, payload, now);
        }
        if self.is_sending_keys() {
            self.leave_out(arrival);
            return Outcome::Absorbed;
        }
        self.forward(packet, header, arrival, payload_type, now)
    }

    /// The numbering closes the gap of a packet that is not sent on. One that comes late has left
    /// its gap already.
    fn leave_out(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Next => self.numbering.leave_out(),
            Arrival::Late | Arrival::Stale => {}
        }
    }

    fn forward(
        &mut self,
        packet: &mut [u8],
        header: &Header,
        arrival: Arrival,
        payload_type: Pt,
        now: Instant,
    ) -> Outcome {
        let frame = self.frame();
        let numbered = self.numbering.number(header, arrival, frame, now);
        let fresh = Header {
            payload_type,
            ..numbered
        };
        // The payload starts at 12 or later, so there is room for the new header before it.
        let start = header.payload.start.saturating_sub(HEADER_LENGTH);
        let Some(place) = packet.get_mut(start..start + HEADER_LENGTH) else {
            return Outcome::Dropped(Dropped::Stale);
        };
        place.copy_from_slice(&fresh.to_bytes());
        Outcome::Send(start..header.payload.end)
    }

    fn handle_event(
        &mut self,
        packet: &[u8],
        header: &Header,
        arrival: Arrival,
        clock: EventClock,
        now: Instant,
    ) -> Outcome {
        self.leave_out(arrival);
        let payload = packet
            .get(header.payload.clone())
            .and_then(EventPayload::parse);
        let Some(payload) = payload else {
            return Outcome::Dropped(Dropped::Event);
        };
        let heard = self.receiver.handle_packet(header, &payload, clock, now);
        self.handle_heard(heard, now);
        Outcome::Absorbed
    }

    fn handle_heard(&mut self, heard: Heard, now: Instant) {
        let Heard {
            before,
            down,
            going_on,
            up,
        } = heard;
        if let Some(dtmf) = before {
            self.handle_up(dtmf, now);
        }
        if let Some((digit, volume)) = down {
            self.known = self.is_known(digit, now);
            if !self.known {
                self.sender.begin(digit, volume, now);
            }
        }
        if let Some(time) = going_on.filter(|_| !self.known) {
            self.sender.go_on(time);
        }
        if let Some(dtmf) = up {
            self.handle_up(dtmf, now);
        }
        self.send_events(now);
    }

    fn handle_up(&mut self, dtmf: Dtmf, now: Instant) {
        if !self.known {
            self.sender.end(dtmf.duration);
            self.play_if_tones(dtmf, now);
            self.report(dtmf);
        }
    }

    fn report(&mut self, dtmf: Dtmf) {
        if self.reports.len() < MAX_REPORTS {
            self.reports.push_back(dtmf);
        }
    }

    /// Sends a digit of our own making (asked for by signalling).
    pub(crate) fn send_digit(&mut self, dtmf: Dtmf, now: Instant) {
        if self.is_open() {
            self.send_key(dtmf, now);
        }
    }

    /// When [`Self::handle_timeout`] wants to be called next.
    #[must_use]
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.receiver
            .poll_timeout()
            .into_iter()
            .chain(self.sender.poll_timeout())
            .chain(self.audio_timeout())
            .chain(self.player.as_ref().map(|player| player.poll_timeout()))
            .chain(self.music.as_ref().map(|playing| playing.due()))
            .chain(self.ear.poll_timeout(&self.audio))
            .min()
    }

    /// Lets generated events go on, and ends ones whose end was lost. Drain
    /// [`Self::poll_transmit`], [`Self::poll_audio`] and [`Self::poll_event`] afterwards.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        let heard = self.receiver.handle_timeout(now);
        self.handle_heard(heard, now);
        self.handle_silence(now);
    }

    /// A generated telephone-event packet to send now.
    pub(crate) fn poll_transmit(&mut self) -> Option<[u8; EVENT_PACKET_LENGTH]> {
        self.waiting.pop_front()
    }

    /// A digit that the far end finished pressing. Once per digit.
    pub(crate) fn poll_event(&mut self) -> Option<Dtmf> {
        self.reports.pop_front()
    }

    fn send_events(&mut self, now: Instant) {
        let Some(format) = self.path.send.event else {
            // The other leg has no events: digits are only reported, or played.
            self.sender.cancel();
            return;
        };
        let (clock_rate, frame) = (self.path.to.codec.clock_rate(), self.frame());
        let beat = Beat {
            interval: self.interval(),
            clock_rate,
            clock: format.clock,
        };
        loop {
            let numbering = &mut self.numbering;
            let begin = || numbering.begin_own(frame, now);
            let Some(due) = self.sender.handle_timeout(beat, now, begin) else {
                return;
            };
            for (timestamp, payload) in due.packets.into_iter().flatten() {
                self.send_event(due.first, format.payload_type, timestamp, payload);
            }
        }
    }

    fn send_event(
        &mut self,
        first: bool,
        payload_type: Pt,
        timestamp: RtpTimestamp,
        payload: EventPayload,
    ) {
        if self.waiting.len() >= MAX_WAITING {
            return;
        }
        let header = Header {
            marker: first,
            payload_type,
            sequence: self.numbering.own_sequence(),
            timestamp,
            ssrc: self.numbering.ssrc(),
            payload: HEADER_LENGTH..EVENT_PACKET_LENGTH,
        };
        let mut packet = [0; EVENT_PACKET_LENGTH];
        packet[..HEADER_LENGTH].copy_from_slice(&header.to_bytes());
        packet[HEADER_LENGTH..].copy_from_slice(&payload.to_bytes());
        self.waiting.push_back(packet);
    }

    fn stop_if_closed(&mut self, now: Instant) {
        if !self.is_open() {
            self.numbering.pause();
            self.stop_audio();
            self.receiver = EventReceiver::default();
            self.player = None;
            self.sender.stop();
            self.send_events(now);
        }
    }

    fn is_open(&self) -> bool {
        self.path.open && self.gate
    }

    /// How long an audio packet lasts.
    fn frame(&self) -> Duration {
        self.path.to.frame()
    }

    /// Between the packets of an event: that of the audio, within reason (RFC 4733 §2.5.1.2).
    fn interval(&self) -> Duration {
        self.frame()
            .clamp(Duration::from_millis(10), Duration::from_millis(50))
    }
}
