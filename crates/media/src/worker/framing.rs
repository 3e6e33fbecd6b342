//! Datagrams on a TCP connection (RFC 4571 §2): two bytes of length before each.
//!
//! Sans-IO and bounded: a frame longer than any datagram of media ends the connection, and so
//! does a reader that takes nothing for too long. What a slow reader cannot take is dropped, as a
//! network would; video first.

use std::time::{Duration, Instant};

/// Longest frame in either direction; the same as at the UDP sockets.
pub(crate) const LONGEST_FRAME: usize = 2048;
const PREFIX: usize = 2;
/// Bytes that may wait for a slow reader, besides those in the system's own buffer.
const MAX_WAITING: usize = 32 << 10;
/// What of that is kept for short frames: most of a second of audio, and what holds a leg together.
const FOR_SHORT: usize = 8 << 10;
/// Longer frames are video.
const SHORT: usize = 400;
/// A reader that takes nothing for so long, while frames are dropped, is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// The connection is of no use: it has sent what is no frame of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameTooLong;

/// Puts frames together from what was read.
#[derive(Debug, Default)]
pub(crate) struct Deframer {
    /// The beginning of a frame, with its prefix. Never longer than one frame.
    partial: Vec<u8>,
}

impl Deframer {
    /// Takes what was read; gives `take` every frame that is complete, until it says that it
    /// wants no more.
    pub(crate) fn handle_bytes(
        &mut self,
        mut bytes: &[u8],
        mut take: impl FnMut(&[u8]) -> Wanted,
    ) -> Result<Wanted, FrameTooLong> {
        while !bytes.is_empty() {
            let known = [self.partial.first(), self.partial.get(1)];
            let mut read = bytes.iter();
            let (high, low) = match known {
                [Some(high), Some(low)] => (Some(high), Some(low)),
                [Some(high), None] => (Some(high), read.next()),
                [None, _] => (read.next(), read.next()),
            };
            let (Some(high), Some(low)) = (high, low) else {
                self.partial.extend_from_slice(bytes);
                break;
            };
            let frame = usize::from(u16::from_be_bytes([*high, *low]));
            if frame > LONGEST_FRAME {
                return Err(FrameTooLong);
            }
            let missing = PREFIX + frame - self.partial.len();
            let Some((part, rest)) = bytes.split_at_checked(missing) else {
                self.partial.extend_from_slice(bytes);
                break;
            };
            bytes = rest;
            let wanted = if self.partial.is_empty() {
                // The usual case: nothing is copied.
                take(&part[PREFIX..])
            } else {
                self.partial.extend_from_slice(part);
                let wanted = take(&self.partial[PREFIX..]);
                self.partial.clear();
                wanted
            };
            if wanted == Wanted::Nothing {
                return Ok(Wanted::Nothing);
            }
        }
        Ok(Wanted::More)
    }
}

/// Whether further frames are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    More,
    Nothing,
}

/// What waits for a slow reader. Frames are written whole or not at all: a half-written one is
/// finished before anything else.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    bytes: Vec<u8>,
    /// Since when they wait without any of them being taken.
    stalled: Option<Instant>,
}

/// What becomes of a frame that was not written at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queued {
    Waits,
    Dropped,
    /// Nothing has been taken for too long: nobody reads there.
    GivenUp,
}

impl Waiting {
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What is to be written next.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// So many of the bytes have been written.
    pub(crate) fn written(&mut self, count: usize, now: Instant) {
        self.bytes.drain(..count.min(self.bytes.len()));
        if count > 0 {
            self.stalled = Some(now);
        }
    }

    /// Takes a frame with its prefix, of which `written` bytes are out already.
    pub(crate) fn queue(
        &mut self,
        prefix: [u8; PREFIX],
        frame: &[u8],
        written: usize,
        now: Instant,
    ) -> Queued {
        if self.bytes.is_empty() {
            self.stalled = Some(now);
        }
        let rest = PREFIX + frame.len() - written.min(PREFIX + frame.len());
        let room = match frame.len() {
            0..=SHORT => MAX_WAITING,
            _ => MAX_WAITING - FOR_SHORT,
        };
        if written == 0 && self.bytes.len() + rest > room {
            let stalled = self
                .stalled
                .map(|since| now.saturating_duration_since(since));
            return match stalled {
                Some(time) if time >= PATIENCE => Queued::GivenUp,
                Some(_) | None => Queued::Dropped,
            };
        }
        let whole = prefix.iter().chain(frame).copied();
        self.bytes.extend(whole.skip(written));
        Queued::Waits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(frames: &[&[u8]]) -> Vec<u8> {
        let framed = |frame: &&[u8]| [&(frame.len() as u16).to_be_bytes(), *frame].concat();
        frames.iter().flat_map(framed).collect()
    }

    #[test]
    fn frames_are_put_together_however_they_are_cut() {
        let long = vec![7; LONGEST_FRAME];
        let sent: [&[u8]; 5] = [b"one", b"", b"three", &long, b"five"];
        let stream = framed(&sent);
        for piece in (1..300).chain([stream.len() - 1, stream.len()]) {
            let mut deframer = Deframer::default();
            let mut heard: Vec<Vec<u8>> = Vec::new();
            for bytes in stream.chunks(piece) {
                let taken = deframer.handle_bytes(bytes, |frame| {
                    heard.push(frame.to_vec());
                    Wanted::More
                });
                assert_eq!(taken, Ok(Wanted::More));
                assert!(deframer.partial.len() < PREFIX + LONGEST_FRAME);
            }
            assert_eq!(heard, sent, "in pieces of {piece}");
        }
    }

    #[test]
    fn a_frame_longer_than_any_media_is_an_error_before_it_comes() {
        let mut deframer = Deframer::default();
        let none = |_: &[u8]| panic!("no frame");
        assert_eq!(deframer.handle_bytes(&[0x08], none), Ok(Wanted::More));
        assert_eq!(deframer.handle_bytes(&[0x01], none), Err(FrameTooLong));
        let http = b"GET / HTTP/1.1\r\n";
        assert_eq!(
            Deframer::default().handle_bytes(http, none),
            Err(FrameTooLong)
        );
    }

    #[test]
    fn nothing_is_taken_behind_the_frame_that_ends_it() {
        let mut heard = 0;
        let taken = Deframer::default().handle_bytes(&framed(&[b"a", b"b"]), |_| {
            heard += 1;
            Wanted::Nothing
        });
        assert_eq!((taken, heard), (Ok(Wanted::Nothing), 1));
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "a starting point for virtual time"
    )]
    fn origin() -> Instant {
        Instant::now()
    }

    #[test]
    fn what_a_slow_reader_cannot_take_is_dropped_whole() {
        let now = origin();
        let mut waiting = Waiting::default();
        let frame = [5; 1000];
        let prefix = 1000_u16.to_be_bytes();
        assert_eq!(waiting.queue(prefix, &frame, 1, now), Queued::Waits);
        assert_eq!(waiting.bytes().len(), 1001);
        while waiting.queue(prefix, &frame, 0, now) == Queued::Waits {}
        assert!(waiting.bytes().len() <= MAX_WAITING);
        assert_eq!((waiting.bytes().len() - 1001) % 1002, 0, "whole frames");
        waiting.written(5000, now);
        assert_eq!(waiting.queue(prefix, &frame, 0, now), Queued::Waits);
        let all = waiting.bytes().len();
        waiting.written(all, now);
        assert!(waiting.is_empty());
    }

    #[test]
    fn a_reader_is_given_up_by_time_however_much_he_is_sent() {
        let (mut now, mut waiting) = (origin(), Waiting::default());
        let video = [5; 1100];
        let prefix = 1100_u16.to_be_bytes();
        let interval = Duration::from_micros(3_200);
        let mut stall = |waiting: &mut Waiting, time: Duration| {
            let end = now + time;
            let mut last = Queued::Waits;
            while now < end && last != Queued::GivenUp {
                last = waiting.queue(prefix, &video, 0, now);
                now += interval;
            }
            (last, now)
        };
        let (last, at) = stall(&mut waiting, PATIENCE - 2 * interval);
        assert_eq!(last, Queued::Dropped, "thousands of frames");
        waiting.written(1, at);
        let (last, _) = stall(&mut waiting, PATIENCE - 2 * interval);
        assert_eq!(last, Queued::Dropped, "he reads");
        let (last, _) = stall(&mut waiting, PATIENCE);
        assert_eq!(last, Queued::GivenUp);
    }

    #[test]
    fn a_queue_full_of_video_still_takes_audio() {
        let (now, mut waiting) = (origin(), Waiting::default());
        let video = [5; 1100];
        while waiting.queue(1100_u16.to_be_bytes(), &video, 0, now) == Queued::Waits {}
        let audio = [6; 182];
        let mut taken = 0;
        while waiting.queue(182_u16.to_be_bytes(), &audio, 0, now) == Queued::Waits {
            taken += 1;
        }
        assert!(taken >= 40, "{taken}");
        assert!(waiting.bytes().len() <= MAX_WAITING);
    }
}
