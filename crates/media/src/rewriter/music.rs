//! Music for a side that waits ([`crate::relay::Waits`]), under the numbering of its way.
//!
//! Who is put on hold by a far end that may play music itself hears ours only while nothing comes
//! from there. Beside keys nothing is played.

use std::time::{Duration, Instant};

use super::{AUDIO_PACKET_LENGTH, Rewriter};
use crate::music::HoldMusic;
use crate::relay::{Path, Waits};
use crate::rtp::HEADER_LENGTH;
use crate::transcode::MAX_PAYLOAD;

/// A far end that has sent nothing for so long plays no music itself.
const SILENT: Duration = Duration::from_millis(500);
/// When the timer came late by more than this, the missed packets are not made up for.
const MAX_LAG: Duration = Duration::from_millis(200);

/// Music being played.
#[derive(Debug)]
pub(super) struct Playing {
    music: HoldMusic,
    /// How far it is.
    at: Duration,
    /// When the next packet leaves.
    due: Instant,
    /// Whether one has left right before that.
    begun: bool,
}

impl Playing {
    /// What a new plan makes of `before`.
    pub(super) fn new(before: Option<Box<Self>>, path: &Path, now: Instant) -> Option<Box<Self>> {
        let music = path.music.clone()?;
        let due = match path.waits {
            Waits::No => return None,
            Waits::InSilence => now,
            Waits::UntilHeard => now + SILENT,
        };
        match before {
            Some(playing) if playing.music == music => Some(playing),
            Some(_) | None => Some(Box::new(Self {
                music,
                at: Duration::ZERO,
                due,
                begun: false,
            })),
        }
    }

    pub(super) fn due(&self) -> Instant {
        self.due
    }
}

impl Rewriter {
    /// The far end is heard: our music makes way for what it plays.
    pub(super) fn give_way(&mut self, now: Instant) {
        if let Some(playing) = &mut self.music {
            playing.due = now + SILENT;
            playing.begun = false;
        }
    }

    /// Writes a packet of music that is due to the front of `packet`, and says how long it is.
    pub(super) fn poll_music(
        &mut self,
        packet: &mut [u8; AUDIO_PACKET_LENGTH],
        now: Instant,
    ) -> Option<usize> {
        let busy = self.is_sending_keys() || !self.gate;
        let format = self.path.to;
        let playing = self.music.as_mut().filter(|playing| playing.due <= now)?;
        let frame = HoldMusic::packet_time(format.codec, format.frame());
        if now.saturating_duration_since(playing.due) > MAX_LAG {
            playing.due = now;
            playing.begun = false;
        }
        playing.due += frame;
        if busy {
            playing.begun = false;
            return None;
        }
        let (head, payload) = packet.split_first_chunk_mut::<HEADER_LENGTH>()?;
        let payload = payload.first_chunk_mut::<MAX_PAYLOAD>()?;
        let Some(length) = playing
            .music
            .packet(format.codec, frame, playing.at, payload)
        else {
            playing.begun = false;
            return None;
        };
        playing.at = (playing.at + frame).min(playing.music.length());
        if playing.at >= playing.music.length() {
            playing.at = Duration::ZERO;
        }
        let first = !std::mem::replace(&mut playing.begun, true);
        let header = self.own_header(first, frame, length, now);
        *head = header.to_bytes();
        Some(header.payload.end)
    }
}
