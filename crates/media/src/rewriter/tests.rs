//! One way of a relay on virtual time.

mod audio;
mod events;
mod keys;
mod music;
mod transcoded;

use std::time::{Duration, Instant};

use super::{AUDIO_PACKET_LENGTH, Dropped, Outcome, Rewriter};
use crate::codec::AudioCodec;
use crate::dtmf::{Dtmf, EventPayload};
use crate::relay::{
    AudioFormat, EventClock, EventFormat, InBand, Path, PayloadKind, ReceiveMap, SendFormats, Waits,
};
use crate::rtp::{Header, Pt, RtpTimestamp, SeqNo, Ssrc};

pub(super) const FRAME: Duration = Duration::from_millis(20);
pub(super) const OURS: Ssrc = Ssrc(0x0bad_cafe);
pub(super) const THEIRS: Ssrc = Ssrc(1);

/// Received: 0 audio, 13 comfort noise, 126 and 110 events. Sent: 8, 13, 101.
pub(super) fn path(codec: AudioCodec, event: Option<EventClock>) -> Path {
    let mut receive = ReceiveMap::new();
    receive.insert(Pt::PCMU, PayloadKind::Audio);
    receive.insert(Pt::CN, PayloadKind::ComfortNoise);
    receive.insert(pt(126), PayloadKind::Event(EventClock::Khz8));
    receive.insert(pt(110), PayloadKind::Event(EventClock::Khz48));
    let event = event.map(|clock| EventFormat {
        payload_type: pt(101),
        clock,
    });
    let format = AudioFormat { codec, ptime: 20 };
    Path {
        receive,
        send: SendFormats {
            audio: Pt::PCMA,
            event,
            comfort_noise: Some(Pt::CN),
        },
        from: format,
        to: format,
        in_band: InBand::Off,
        open: true,
        waits: Waits::No,
        music: None,
    }
}

pub(super) fn pt(number: u8) -> Pt {
    Pt::new(number).expect("seven bits")
}

/// A way with its clock, a source that counts by itself, and all that was sent.
pub(super) struct Way {
    pub(super) rewriter: Rewriter,
    pub(super) now: Instant,
    pub(super) ssrc: Ssrc,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    clock_rate: u32,
    pub(super) sent: Vec<Sent>,
    pub(super) digits: Vec<Dtmf>,
}

#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) at: Instant,
    pub(super) header: Header,
    pub(super) payload: Vec<u8>,
}

impl Way {
    pub(super) fn new(path: Path) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the origin of a test's virtual time"
        )]
        let now = Instant::now();
        let clock_rate = path.to.codec.clock_rate();
        let rewriter = Rewriter::new(path, OURS, SeqNo(65_000), RtpTimestamp(u32::MAX - 800), now);
        Self {
            rewriter,
            now,
            ssrc: THEIRS,
            sequence: 100,
            timestamp: 5_000,
            clock_rate,
            sent: Vec::new(),
            digits: Vec::new(),
        }
    }

    /// Lets time pass, timers firing when they are due.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.rewriter.poll_timeout().filter(|due| *due <= end) {
            self.now = due.max(self.now);
            self.rewriter.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    /// The next audio packet, a frame later.
    pub(super) fn audio(&mut self) -> Outcome {
        self.pass(FRAME);
        self.timestamp = self.timestamp.wrapping_add(self.clock_rate / 50);
        self.sequence = self.sequence.wrapping_add(1);
        self.receive(Pt::PCMU, self.sequence, self.timestamp, b"voice")
    }

    pub(super) fn receive(
        &mut self,
        payload_type: Pt,
        sequence: u16,
        timestamp: u32,
        payload: &[u8],
    ) -> Outcome {
        let header = Header {
            marker: false,
            payload_type,
            sequence: SeqNo(sequence),
            timestamp: RtpTimestamp(timestamp),
            ssrc: self.ssrc,
            payload: 0..0,
        };
        let mut packet = header.to_bytes().to_vec();
        packet.extend_from_slice(payload);
        self.receive_raw(&mut packet)
    }

    pub(super) fn receive_raw(&mut self, packet: &mut [u8]) -> Outcome {
        let header = Header::parse(packet).expect("the tests send RTP");
        let outcome = self.rewriter.handle_rtp(packet, &header, self.now);
        if let Outcome::Send(range) = &outcome {
            self.push(&packet[range.clone()]);
        }
        self.drain();
        outcome
    }

    /// An event packet under the source's next sequence number.
    pub(super) fn event(&mut self, number: u8, timestamp: u32, payload: EventPayload) -> Outcome {
        self.sequence = self.sequence.wrapping_add(1);
        self.receive(pt(number), self.sequence, timestamp, &payload.to_bytes())
    }

    pub(super) fn drain(&mut self) {
        while let Some(packet) = self.rewriter.poll_transmit() {
            self.push(&packet);
        }
        let mut packet = [0; AUDIO_PACKET_LENGTH];
        while let Some(length) = self.rewriter.poll_audio(&mut packet, self.now) {
            self.push(&packet[..length]);
        }
        while let Some(dtmf) = self.rewriter.poll_event() {
            self.digits.push(dtmf);
        }
    }

    fn push(&mut self, packet: &[u8]) {
        assert_eq!(
            packet[0], 0x80,
            "no padding, extension or contributing sources"
        );
        let header = Header::parse(packet).expect("we send RTP");
        assert_eq!(header.ssrc, OURS);
        let payload = packet[header.payload.clone()].to_vec();
        self.sent.push(Sent {
            at: self.now,
            header,
            payload,
        });
    }

    /// The sequence numbers sent so far.
    pub(super) fn sequences(&self) -> Vec<u16> {
        self.sent
            .iter()
            .map(|sent| sent.header.sequence.0)
            .collect()
    }

    /// What was sent as events.
    pub(super) fn events(&self) -> Vec<(Sent, EventPayload)> {
        let events = self
            .sent
            .iter()
            .filter(|sent| sent.header.payload_type == pt(101));
        events
            .map(|sent| {
                (
                    sent.clone(),
                    EventPayload::parse(&sent.payload).expect("an event"),
                )
            })
            .collect()
    }

    /// Panics unless the sequence numbers sent are one after the other.
    pub(super) fn assert_no_gap(&self) {
        for pair in self.sequences().windows(2) {
            assert_eq!(pair[1], pair[0].wrapping_add(1), "{:?}", self.sequences());
        }
    }
}

pub(super) fn dropped(why: Dropped) -> Outcome {
    Outcome::Dropped(why)
}
