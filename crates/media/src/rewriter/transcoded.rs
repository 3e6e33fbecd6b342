//! Audio that is not relayed: into the transcoder, and out of it by its clock.
//!
//! What the transcoder makes counts as a source of its own to the numbering, joined to what the
//! far end has heard before like any other source.

use std::time::Instant;

use super::numbering::Arrival;
use super::{Audio, Dropped, Outcome, Rewriter};
use crate::endpoints::Ssrc;
use crate::relay::PayloadKind;
use crate::rtp::{HEADER_LENGTH, Header};
use crate::transcode::MAX_PAYLOAD;

/// Bytes of a transcoded packet at most: header and payload.
pub(crate) const AUDIO_PACKET_LENGTH: usize = HEADER_LENGTH + MAX_PAYLOAD;
/// The transcoder as a source. What arrives is no source to the numbering meanwhile.
const MADE_HERE: Ssrc = Ssrc(0);

impl Rewriter {
    pub(super) fn handle_transcoded(
        &mut self,
        packet: &[u8],
        header: &Header,
        now: Instant,
    ) -> Outcome {
        if let PayloadKind::Audio | PayloadKind::ComfortNoise =
            self.path.receive.kind(header.payload_type)
        {
            self.give_way(now);
        }
        let Audio::Transcoded(transcoder) = &mut self.audio else {
            return Outcome::Dropped(Dropped::UnknownPayloadType);
        };
        let payload = packet.get(header.payload.clone()).unwrap_or_default();
        match self.path.receive.kind(header.payload_type) {
            PayloadKind::Audio => transcoder.handle_audio(header, payload, now),
            PayloadKind::ComfortNoise => transcoder.handle_comfort_noise(header, payload, now),
            PayloadKind::Event(clock) => {
                transcoder.handle_other(header);
                // The numbering knows nothing of this packet, so it shows no gap for it.
                return self.handle_event(packet, header, Arrival::Stale, clock, now);
            }
            PayloadKind::Unknown => {
                transcoder.handle_other(header);
                return Outcome::Dropped(Dropped::UnknownPayloadType);
            }
        }
        Outcome::Absorbed
    }

    /// Writes a transcoded packet, or one of a tone, that is due now to the front of `packet`, header and all, and
    /// says how long it is. `None` when no more are due; always where audio is relayed and no key is played.
    pub(crate) fn poll_audio(
        &mut self,
        packet: &mut [u8; AUDIO_PACKET_LENGTH],
        now: Instant,
    ) -> Option<usize> {
        if let Some(length) = self.poll_tone(packet, now) {
            return Some(length);
        }
        if let Some(length) = self.poll_music(packet, now) {
            return Some(length);
        }
        let frame = self.frame();
        let Audio::Transcoded(transcoder) = &mut self.audio else {
            return None;
        };
        let (head, payload) = packet.split_first_chunk_mut::<HEADER_LENGTH>()?;
        let payload = payload.first_chunk_mut::<MAX_PAYLOAD>()?;
        loop {
            let Some(encoded) = transcoder.poll_packet(payload, now) else {
                self.tell_heard(now);
                return None;
            };
            let length = HEADER_LENGTH + encoded.length;
            let source = Header {
                marker: encoded.marker,
                payload_type: self.path.send.audio,
                sequence: encoded.sequence,
                timestamp: encoded.timestamp,
                ssrc: MADE_HERE,
                payload: HEADER_LENGTH..length,
            };
            let arrival = self.numbering.handle_arrival(&source);
            self.numbering.handle_clock(&source, now);
            // Beside an event nothing else is sent, and what could not be encoded neither.
            if self.sender.is_sending() || self.player.is_some() || encoded.length == 0 {
                self.numbering.leave_out();
                continue;
            }
            let fresh = self.numbering.number(&source, arrival, frame, now);
            *head = fresh.to_bytes();
            return Some(length);
        }
    }

    /// Whether [`Self::poll_audio`] can have anything to send.
    pub(crate) fn makes_audio(&self) -> bool {
        match self.audio {
            Audio::Transcoded(_) => true,
            Audio::Relayed => self.player.is_some() || self.music.is_some(),
        }
    }

    pub(super) fn audio_timeout(&self) -> Option<Instant> {
        match &self.audio {
            Audio::Transcoded(transcoder) => transcoder.poll_timeout(),
            Audio::Relayed => None,
        }
    }

    pub(super) fn stop_audio(&mut self) {
        match &mut self.audio {
            Audio::Transcoded(transcoder) => transcoder.stop(),
            Audio::Relayed => {}
        }
    }

    /// Another format from here on: another source to the numbering.
    pub(super) fn change_audio(&mut self, audio: Audio) {
        match (&self.audio, &audio) {
            (Audio::Relayed, Audio::Relayed) => {}
            (Audio::Transcoded(_), _) | (Audio::Relayed, Audio::Transcoded(_)) => {
                self.numbering.pause();
            }
        }
        self.audio = audio;
    }
}
