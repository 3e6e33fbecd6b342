//! One client's video: frames of a few packets each, as VP8 is packetised (RFC 7741 §4.2).
//!
//! Thirty frames of 4,400 bytes in a second are 1.06 Mbit/s. What is behind the descriptor is a
//! stamp and no picture; every frame says that it is a keyframe, so nobody waits for one.

use std::time::{Duration, Instant};

use media::rtp::{HEADER_LENGTH, Header, Pt, RtpTimestamp, SeqNo, Ssrc};

use crate::stamp::Stamp;
use crate::tally::Tally;

/// The payload type that our offers give it.
pub const VIDEO_PT: u8 = 96;
/// Packets of a frame.
pub(super) const FRAME_PACKETS: u32 = 4;
const FRAME_INTERVAL: Duration = Duration::from_nanos(33_333_333);
/// At 90 kHz.
const TIMESTAMP_STEP: u32 = 3000;
const PAYLOAD: usize = 1088;
/// The descriptor, and the first byte of the picture's header.
const PREFIX: usize = 2;
/// A partition begins here.
const START: u8 = 0x10;

/// The stream, and the account of what returns of it.
#[derive(Debug)]
pub(super) struct Camera {
    pub(super) tally: Tally,
    /// When the next frame leaves; none before the transport is up.
    pub(super) next_frame: Option<Instant>,
    ssrc: Ssrc,
    sequence: SeqNo,
    timestamp: RtpTimestamp,
}

impl Camera {
    pub(super) fn new(ssrc: Ssrc, next_frame: Option<Instant>) -> Self {
        Self {
            tally: Tally::default(),
            next_frame,
            ssrc,
            sequence: SeqNo(ssrc.0 as u16),
            timestamp: RtpTimestamp(ssrc.0),
        }
    }

    /// The frame that is due, if one is: when it was to leave.
    pub(super) fn poll_frame(&mut self, now: Instant) -> Option<Instant> {
        let due = self.next_frame.filter(|due| *due <= now)?;
        self.next_frame = Some(due + FRAME_INTERVAL);
        self.timestamp = self.timestamp.plus(TIMESTAMP_STEP);
        Some(due)
    }

    /// Writes a packet of the frame, from 0 to [`FRAME_PACKETS`].
    pub(super) fn write_packet(&mut self, at: u32, stamp: &Stamp, packet: &mut Vec<u8>) {
        let header = Header {
            marker: at + 1 == FRAME_PACKETS,
            payload_type: Pt::new(VIDEO_PT).unwrap_or(Pt::PCMU),
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
            payload: 0..0,
        };
        packet.clear();
        packet.extend_from_slice(&header.to_bytes());
        packet.resize(HEADER_LENGTH + PAYLOAD, 0);
        packet[HEADER_LENGTH] = if at == 0 { START } else { 0 };
        stamp.write(&mut packet[HEADER_LENGTH + PREFIX..]);
        self.sequence = self.sequence.plus(1);
    }

    /// Takes a packet's payload that has come back.
    pub(super) fn take(&mut self, call: u32, payload: &[u8], since_start: Duration) {
        let stamp = payload.get(PREFIX..).and_then(Stamp::read);
        match stamp.filter(|stamp| stamp.call == call) {
            Some(stamp) => self.tally.handle_return(&stamp, since_start),
            None => self.tally.handle_damaged(),
        }
    }
}

#[cfg(test)]
#[allow(
    clippy::disallowed_methods,
    reason = "a starting point for virtual time"
)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_thirty_frames_whose_last_packet_is_marked_and_that_are_known_again() {
        let start = Instant::now();
        let mut camera = Camera::new(Ssrc(u32::MAX), Some(start));
        camera.tally.open_window();
        let (mut packet, mut bytes, mut marked) = (Vec::new(), 0, 0);
        while camera
            .poll_frame(start + Duration::from_millis(999))
            .is_some()
        {
            for at in 0..FRAME_PACKETS {
                let number = camera.tally.handle_send().expect("numbers are left");
                let stamp = Stamp {
                    call: 7,
                    number,
                    sent: Duration::ZERO,
                };
                camera.write_packet(at, &stamp, &mut packet);
                let header = Header::parse(&packet).expect("RTP");
                bytes += packet.len();
                marked += u32::from(header.marker);
                camera.take(7, &packet[header.payload], Duration::ZERO);
            }
        }
        let findings = camera.tally.findings();
        assert_eq!(
            (findings.sent, findings.lost(), findings.damaged),
            (120, 0, 0)
        );
        assert_eq!((bytes, marked), (132_000, 30));
        camera.take(8, &packet[HEADER_LENGTH..], Duration::ZERO);
        assert_eq!(camera.tally.findings().damaged, 1);
    }
}
