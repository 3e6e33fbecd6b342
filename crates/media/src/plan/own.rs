//! The formats that we list: which codecs, under which payload types.

use super::Policy;
use super::abilities::{Events, event_clocks};
use super::decide::DEFAULT_PTIME;
use super::route::{CodecPolicy, Transcoding};
use super::side::{OwnFormat, OwnKind, Side, carried_fmtp, own_fmtp};
use crate::codec::AudioCodec;
use crate::relay::EventClock;
use crate::rtp::Pt;
use crate::sdp::{BrowserDescription, Formats};

/// The numbers that Chromium itself uses, for our offers to browsers.
const BROWSER_OPUS: u8 = 111;
const BROWSER_EVENT_KHZ8: u8 = 126;
const BROWSER_EVENT_KHZ48: u8 = 110;
/// The numbers that phones know best.
const PHONE_EVENT_KHZ8: u8 = 101;
const PHONE_EVENT_KHZ48: u8 = 100;

impl Policy {
    /// The packet time that a phone is told: what we would like to receive.
    pub(super) fn ptime_for_phone(&self, browser: &BrowserDescription) -> u16 {
        let ptime = self.route.ptime.or(browser.ptime);
        ptime.unwrap_or(DEFAULT_PTIME)
    }

    /// The codecs of an offer that are allowed, most wanted first.
    pub(super) fn codecs_of(&self, formats: &Formats) -> Vec<AudioCodec> {
        match &self.route.codecs {
            CodecPolicy::Offerer => distinct(formats.codecs().map(|(codec, _)| codec)),
            CodecPolicy::Listed(listed) => {
                let offered = |codec: &AudioCodec| formats.codec(*codec).is_some();
                distinct(listed.iter().copied().filter(offered))
            }
        }
    }

    /// The codecs to offer a phone for a browser's offer. What can be relayed comes first; what
    /// would have to be transcoded is added where there is no G.711, for that is what every phone
    /// has.
    pub(super) fn codecs_for_phone(&self, browser: &Formats) -> Vec<AudioCodec> {
        let shared = self.codecs_of(browser);
        if browser.codecs().next().is_none() {
            return shared;
        }
        self.with_transcoded(shared)
    }

    /// `shared` and, where that lacks what every other end has, the other codecs that are allowed
    /// towards phones.
    pub(super) fn with_transcoded(&self, mut shared: Vec<AudioCodec>) -> Vec<AudioCodec> {
        match self.route.transcoding {
            Transcoding::Never => {}
            Transcoding::LastResort | Transcoding::OpusForBrowsers => {
                if !shared.iter().any(|codec| codec.is_g711()) {
                    shared.extend(self.own_codecs());
                }
            }
        }
        distinct(shared.into_iter())
    }

    /// The codecs to offer another phone when the browser has been told one: that, and what it can
    /// be transcoded to.
    pub(super) fn codecs_beside(&self, told: AudioCodec) -> Vec<AudioCodec> {
        if !self.route.transcodes() {
            return vec![told];
        }
        let first = Some(told).filter(|codec| self.route.allows(*codec));
        distinct(first.into_iter().chain(self.own_codecs()))
    }

    /// The codecs to offer a browser for a phone's offer, in the same way.
    pub(super) fn codecs_for_browser(&self, phone: &Formats) -> Vec<AudioCodec> {
        let shared = self.codecs_of(phone);
        if shared.is_empty() {
            return shared;
        }
        let all = || AudioCodec::ALL.into_iter();
        match self.route.transcoding {
            Transcoding::Never => shared,
            Transcoding::LastResort if shared.iter().any(|codec| codec.is_g711()) => shared,
            Transcoding::LastResort => distinct(shared.into_iter().chain(all())),
            Transcoding::OpusForBrowsers => {
                let opus = [AudioCodec::Opus].into_iter();
                distinct(opus.chain(shared).chain(all()))
            }
        }
    }

    /// The codecs to offer when nobody offered any.
    fn own_codecs(&self) -> Vec<AudioCodec> {
        match &self.route.codecs {
            CodecPolicy::Offerer => AudioCodec::ALL.to_vec(),
            CodecPolicy::Listed(listed) => distinct(listed.iter().copied()),
        }
    }

    /// The codecs for a phone that offers none: it is asked last, when the browser has its one
    /// description already, and must not be able to choose what the browser was not told. So
    /// those that every phone and browser has, if they are allowed (RFC 7874 §3).
    pub(super) fn common_codecs(&self) -> Vec<AudioCodec> {
        let mut codecs = self.own_codecs();
        if codecs.iter().any(|codec| codec.is_g711()) {
            codecs.retain(|codec| codec.is_g711());
        }
        codecs
    }
}

fn distinct(codecs: impl Iterator<Item = AudioCodec>) -> Vec<AudioCodec> {
    let mut distinct = Vec::new();
    for codec in codecs {
        if !distinct.contains(&codec) {
            distinct.push(codec);
        }
    }
    distinct
}

/// What we offer to a phone: `codecs`, with the parameters of the browser's `formats`. Events are
/// offered whether the browser has them or not: signalling may send digits too.
pub(super) fn for_phone(codecs: &[AudioCodec], formats: &Formats) -> Vec<OwnFormat> {
    let mut own = Numbers::default();
    for codec in codecs {
        let format = formats.codec(*codec);
        let fmtp = match format {
            Some(format) => carried_fmtp(*codec, format),
            None => own_fmtp(*codec),
        };
        let number = codec
            .static_payload_type()
            .or_else(|| format.map(|format| format.pt));
        if let Some(pt) = number.or(Pt::new(BROWSER_OPUS)) {
            own.push(pt, OwnKind::Audio(*codec, fmtp));
        }
    }
    if formats.comfort_noise().is_some() && has_clock(codecs, EventClock::Khz8) {
        own.push(Pt::CN, OwnKind::ComfortNoise);
    }
    own.events(codecs, PHONE_EVENT_KHZ8, PHONE_EVENT_KHZ48);
    own.0
}

/// What we offer to a browser: `codecs`, with the parameters of the phone's `formats`.
pub(super) fn for_browser(codecs: &[AudioCodec], formats: &Formats) -> Vec<OwnFormat> {
    let mut own = Numbers::default();
    for codec in codecs {
        let fmtp = match formats.codec(*codec) {
            Some(format) => carried_fmtp(*codec, format),
            None => own_fmtp(*codec),
        };
        let pt = codec.static_payload_type().or(Pt::new(BROWSER_OPUS));
        if let Some(pt) = pt {
            own.push(pt, OwnKind::Audio(*codec, fmtp));
        }
    }
    if formats.comfort_noise().is_some() && has_clock(codecs, EventClock::Khz8) {
        own.push(Pt::CN, OwnKind::ComfortNoise);
    }
    own.events(codecs, BROWSER_EVENT_KHZ8, BROWSER_EVENT_KHZ48);
    own.0
}

/// What an answer lists: the agreed codec under the offerer's own numbers, its events (that of
/// the audio's clock first), and comfort noise if `comfort_noise` says that both have it.
pub(super) fn for_answer(
    codec: AudioCodec,
    fmtp: Option<String>,
    offered: &Formats,
    comfort_noise: bool,
) -> Vec<OwnFormat> {
    let mut own = Numbers::default();
    if let Some(format) = offered.codec(codec) {
        own.push(format.pt, OwnKind::Audio(codec, fmtp));
    }
    if comfort_noise && let Some(format) = offered.comfort_noise() {
        own.push(format.pt, OwnKind::ComfortNoise);
    }
    for clock in event_clocks(codec) {
        if let Some(format) = offered.event(clock.rate()) {
            own.push(format.pt, OwnKind::Event(clock));
        }
    }
    own.0
}

/// Whether one of the codecs has the clock of these events.
fn has_clock(codecs: &[AudioCodec], clock: EventClock) -> bool {
    codecs
        .iter()
        .any(|codec| codec.clock_rate() == clock.rate())
}

/// Formats in the making; no payload type is given twice.
#[derive(Default)]
struct Numbers(Vec<OwnFormat>);

impl Numbers {
    /// What `side` speaks and understands, with the parameters of `other`.
    fn of(side: &Side, other: &Side) -> Self {
        let mut own = Self::default();
        let codec = side.codec;
        own.push(side.audio, OwnKind::Audio(codec, other.fmtp_for(codec)));
        let relayed = other.codec == codec && other.comfort_noise.is_some();
        if let Some(pt) = side.comfort_noise.filter(|_| relayed) {
            own.push(pt, OwnKind::ComfortNoise);
        }
        let known = [
            (side.events.khz8, EventClock::Khz8),
            (side.events.khz48, EventClock::Khz48),
        ];
        for (pt, clock) in known {
            if let Some(pt) = pt {
                own.push(pt, OwnKind::Event(clock));
            }
        }
        own
    }

    /// Adds a format as `wanted`, or under a free dynamic number when that is taken.
    fn push(&mut self, wanted: Pt, kind: OwnKind) {
        let free = |pt: &Pt| self.0.iter().all(|format| format.pt != *pt);
        let dynamic = (96..=127).filter_map(Pt::new);
        if let Some(pt) = [wanted].into_iter().chain(dynamic).find(free) {
            self.0.push(OwnFormat { pt, kind });
        }
    }

    /// Adds telephone-event at the clock of each codec (RFC 4733 §2.1).
    fn events(&mut self, codecs: &[AudioCodec], khz8: u8, khz48: u8) {
        for (clock, number) in [(EventClock::Khz8, khz8), (EventClock::Khz48, khz48)] {
            if has_clock(codecs, clock)
                && let Some(wanted) = Pt::new(number)
            {
                self.push(wanted, OwnKind::Event(clock));
            }
        }
    }
}

/// What we offer to another phone in mid-call: `codecs`, under the numbers that phones know best.
pub(super) fn for_another_phone(codecs: &[AudioCodec], browser: &Side) -> Vec<OwnFormat> {
    let mut own = Numbers::default();
    for codec in codecs {
        let number = match *codec == browser.codec {
            true => Some(browser.audio),
            false => Pt::new(BROWSER_OPUS),
        };
        if let Some(pt) = codec.static_payload_type().or(number) {
            own.push(pt, OwnKind::Audio(*codec, browser.fmtp_for(*codec)));
        }
    }
    if browser.comfort_noise.is_some() && has_clock(&[browser.codec], EventClock::Khz8) {
        own.push(Pt::CN, OwnKind::ComfortNoise);
    }
    own.events(codecs, PHONE_EVENT_KHZ8, PHONE_EVENT_KHZ48);
    own.0
}

/// What a later offer of ours to a phone lists: its codec alone, under the numbers in use.
pub(super) fn for_reoffer(browser: &Side, phone: &Side) -> Vec<OwnFormat> {
    let mut own = Numbers::of(phone, browser);
    if phone.events == Events::default() {
        own.events(&[phone.codec], PHONE_EVENT_KHZ8, PHONE_EVENT_KHZ48);
    }
    own.0
}

/// What a later offer of ours to a browser lists that is to go on as it does: the same.
pub(super) fn for_browser_again(browser: &Side, phone: &Side) -> Vec<OwnFormat> {
    Numbers::of(browser, phone).0
}
