//! Video: the codecs that are relayed, and the plan by which a worker relays one call's video.
//!
//! A call's video is a second stream on its browser leg, beside the audio and told from it by its
//! payload type, and a phone leg of its own. It is relayed untouched, in one codec, at 90 kHz.
//! What is agreed on is [`crate::plan`]'s matter; addresses and keys are not in here.

use std::fmt;

use crate::endpoints::PhoneRemote;
use crate::rtp::Pt;

/// The RTP clock of every video codec, in Hz.
pub const CLOCK_RATE: u32 = 90_000;

/// A video codec that browsers and phones may share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VideoCodec {
    /// VP8, RFC 7741.
    Vp8,
    /// H.264, RFC 6184.
    H264,
    /// VP9, RFC 9628.
    Vp9,
    /// AV1, by the payload format of the Alliance for Open Media.
    Av1,
}

impl VideoCodec {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Vp8, Self::H264, Self::Vp9, Self::Av1];

    /// The encoding name of `a=rtpmap`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Vp8 => "VP8",
            Self::H264 => "H264",
            Self::Vp9 => "VP9",
            Self::Av1 => "AV1",
        }
    }

    /// The codec of an `a=rtpmap` value; names compare without case.
    #[must_use]
    pub fn from_rtpmap(name: &str, clock_rate: u32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|codec| codec.name().eq_ignore_ascii_case(name) && clock_rate == CLOCK_RATE)
    }
}

impl fmt::Display for VideoCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which RTCP feedback an end takes for the video it sends (RFC 4585, RFC 5104).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Feedback {
    /// Lost packets asked for again (`nack`).
    pub nack: bool,
    /// A picture that cannot be shown (`nack pli`).
    pub pli: bool,
    /// A keyframe asked for (`ccm fir`).
    pub fir: bool,
    /// The receiver's estimate of the rate (`goog-remb`).
    pub remb: bool,
    /// The highest rate that is wanted (`ccm tmmbr`).
    pub tmmbr: bool,
}

impl Feedback {
    /// What we answer and ask for on every leg.
    pub const OURS: Self = Self {
        nack: true,
        pli: true,
        fir: true,
        remb: true,
        tmmbr: true,
    };

    /// What both take.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            nack: self.nack && other.nack,
            pli: self.pli && other.pli,
            fir: self.fir && other.fir,
            remb: self.remb && other.remb,
            tmmbr: self.tmmbr && other.tmmbr,
        }
    }

    /// The values of its `a=rtcp-fb` lines.
    pub fn values(self) -> impl Iterator<Item = &'static str> {
        [
            (self.nack, "nack"),
            (self.pli, "nack pli"),
            (self.fir, "ccm fir"),
            (self.remb, "goog-remb"),
            (self.tmmbr, "ccm tmmbr"),
        ]
        .into_iter()
        .filter_map(|(taken, value)| taken.then_some(value))
    }
}

/// How one call's video is carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoRelay {
    /// The codec both sides speak.
    pub codec: VideoCodec,
    /// The browser's end.
    pub browser: VideoEnd,
    /// The phone's end.
    pub phone: VideoEnd,
}

/// One end of a video relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoEnd {
    /// The payload types it may send with: the one we listed, and the one it listed itself.
    pub receive: [Pt; 2],
    /// The payload type it is sent.
    pub send: Pt,
    /// Whether it is sent video: false while held or not wanted.
    pub open: bool,
    /// The most bits per second that it wants to be sent, by its description.
    pub limit: Option<u64>,
    /// What it takes and gives.
    pub feedback: Feedback,
}

/// Video as a call's two ends agreed on it: the plan, and where the phone's video goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreedVideo {
    /// For the worker.
    pub relay: VideoRelay,
    /// For the phone leg of the video; `None` while the phone names no address.
    pub phone_remote: Option<PhoneRemote>,
}

impl AgreedVideo {
    /// The same with neither way open.
    #[must_use]
    pub fn closed(mut self) -> Self {
        self.relay.browser.open = false;
        self.relay.phone.open = false;
        self
    }
}
