//! The audio codecs of calls, and what RTP says of each.
//!
//! Four codecs that browsers must or do implement (RFC 7874 and the WebRTC code base) and that
//! phones share with them: a call uses one of them end to end, untouched, wherever it can. What a codec *sounds*
//! like is no business of this module, but of `transcode`; payload type numbers belong to a leg ([`crate::relay`]).

use std::fmt;

use crate::rtp::Pt;

/// An audio codec both kinds of legs may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AudioCodec {
    /// Opus, RFC 6716 and RFC 7587: 48 kHz clock, always written with two channels.
    Opus,
    /// G.722 at 64 kbit/s. Samples at 16 kHz, but its RTP clock is 8 kHz (RFC 3551 §4.5.2).
    G722,
    /// G.711 mu-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
}

impl AudioCodec {
    /// All of them, in the order of our own preference.
    pub const ALL: [Self; 4] = [Self::Opus, Self::G722, Self::Pcmu, Self::Pcma];

    /// The encoding name of `a=rtpmap`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::G722 => "G722",
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }

    /// The RTP clock rate in Hz.
    pub fn clock_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::G722 | Self::Pcmu | Self::Pcma => 8_000,
        }
    }

    /// The number written behind the clock rate in `a=rtpmap`, where there is one.
    pub fn channels(self) -> Option<u8> {
        match self {
            Self::Opus => Some(2),
            Self::G722 | Self::Pcmu | Self::Pcma => None,
        }
    }

    /// Whether it is one of those that every phone and every browser has (RFC 7874 §3).
    pub fn is_g711(self) -> bool {
        match self {
            Self::Pcmu | Self::Pcma => true,
            Self::Opus | Self::G722 => false,
        }
    }

    /// The payload type that needs no `a=rtpmap` (RFC 3551 §6).
    pub fn static_payload_type(self) -> Option<Pt> {
        match self {
            Self::Opus => None,
            Self::G722 => Some(Pt::G722),
            Self::Pcmu => Some(Pt::PCMU),
            Self::Pcma => Some(Pt::PCMA),
        }
    }

    /// The codec of an `a=rtpmap` value: names compare without case (RFC 8866 §6.6), a missing
    /// channel count means one.
    pub fn from_rtpmap(name: &str, clock_rate: u32, channels: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| {
            codec.name().eq_ignore_ascii_case(name)
                && codec.clock_rate() == clock_rate
                && match codec {
                    // Some phones forget the "/2" that RFC 7587 wants.
                    Self::Opus => channels <= 2,
                    Self::G722 | Self::Pcmu | Self::Pcma => channels == 1,
                }
        })
    }
}

impl fmt::Display for AudioCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
