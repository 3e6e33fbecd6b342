//! Listens to what one peer sends: when it last came, when it was last more than silence, how loud
//! it was. A few numbers, whatever is sent; a packet costs a comparison, every eighth one a look
//! at its payload.

use std::time::{Duration, Instant};

use super::level::{self, Dbov, Loudness, PayloadReader, Power};
use crate::codec::AudioCodec;
use crate::endpoints::Ssrc;
use crate::event::Way;
use crate::relay::{PayloadKind, ReceiveMap};
use crate::rtp::{self, Header, RtpTimestamp, SeqNo, units};

/// Of so many audio packets, one is measured.
const EVERY: u8 = 8;
/// Whoever suppresses silence may send nothing for so long, and nothing but silence: comfort noise
/// is repeated only when it changes (RFC 3389 §4).
const MEANT: Duration = Duration::from_secs(60);
/// What no packet lasts (120 ms, RFC 6716 §3.2.5): timestamps that go on further than that
/// while no number is missing mean silence (RFC 3551 §4.1).
const GAP: Duration = Duration::from_millis(150);

/// How loud what came was, added up since the leg was opened. The difference of two is a level of
/// the time between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sound {
    /// Packets whose level is known.
    measured: u64,
    /// The sum of their mean squares.
    power: u64,
}

impl Sound {
    /// The mean level; `None` where nothing could be measured.
    #[must_use]
    pub fn level(&self) -> Option<Dbov> {
        (self.measured > 0).then(|| Dbov::of_power(self.power as f64 / self.measured as f64))
    }

    /// Whether it was more than silence, on average.
    pub(super) fn is_heard(&self) -> bool {
        self.measured > 0 && self.power / self.measured > level::SILENCE
    }

    /// What was added since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            measured: self.measured.saturating_sub(earlier.measured),
            power: self.power.saturating_sub(earlier.power),
        }
    }

    #[cfg(test)]
    pub(super) fn of(measured: u64, power: u64) -> Self {
        Self { measured, power }
    }

    fn add(&mut self, power: Power) {
        self.measured += 1;
        self.power = self.power.saturating_add(power);
    }
}

/// Listens to one peer.
#[derive(Debug)]
pub(crate) struct SoundMeter {
    codec: Option<AudioCodec>,
    /// The payload types that are audio, one bit each.
    audio: u128,
    /// Those that are comfort noise.
    noise: u128,
    /// The last packet of audio.
    last_audio: Option<(Ssrc, SeqNo, RtpTimestamp)>,
    /// Whether the peer was seen to suppress silence.
    suppresses: bool,
    /// The number of the header extension that says the level (RFC 6464).
    extension: Option<u8>,
    way: Listening,
    last_packet: Option<Instant>,
    last_sound: Option<Instant>,
    /// Whether silence could be told from sound at all.
    tells: bool,
    turn: u8,
    reader: PayloadReader,
    sound: Sound,
}

/// Since when the peer may speak.
#[derive(Clone, Copy, Debug)]
enum Listening {
    Unplanned,
    Closed,
    Open { since: Instant },
}

impl SoundMeter {
    pub(crate) fn new() -> Self {
        Self {
            codec: None,
            audio: 0,
            noise: 0,
            last_audio: None,
            suppresses: false,
            extension: None,
            way: Listening::Unplanned,
            last_packet: None,
            last_sound: None,
            tells: false,
            turn: 0,
            reader: PayloadReader::default(),
            sound: Sound::default(),
        }
    }

    /// A plan: what the peer speaks, and by which numbers.
    pub(crate) fn set_codec(&mut self, codec: AudioCodec, receive: &ReceiveMap) {
        self.codec = Some(codec);
        self.audio = receive.mask(PayloadKind::Audio);
        self.noise = receive.mask(PayloadKind::ComfortNoise);
    }

    /// The peer says how loud it is in a header extension of this number.
    pub(crate) fn set_extension(&mut self, extension: Option<u8>) {
        self.extension = extension;
    }

    /// Whether plan and gate let the peer speak.
    pub(crate) fn set_open(&mut self, open: bool, now: Instant) {
        self.way = match (self.way, open) {
            (Listening::Open { since }, true) => Listening::Open { since },
            (Listening::Unplanned | Listening::Closed, true) => Listening::Open { since: now },
            (_, false) => Listening::Closed,
        };
    }

    /// An authentic packet has come from the peer.
    pub(crate) fn handle_rtp(&mut self, packet: &[u8], header: &Header, now: Instant) {
        self.last_packet = Some(now);
        let bit = 1 << header.payload_type.index();
        if self.audio & bit == 0 {
            self.suppresses |= self.noise & bit != 0;
            return;
        }
        self.suppresses |= self.follows_silence(header);
        self.turn = (self.turn + 1) % EVERY;
        if self.turn == 1 {
            self.measure(packet, header, now);
        }
    }

    /// Whether time has passed since the last packet of audio in which none was to be sent.
    fn follows_silence(&mut self, header: &Header) -> bool {
        let this = (header.ssrc, header.sequence, header.timestamp);
        let (Some((ssrc, sequence, timestamp)), Some(codec)) =
            (self.last_audio.replace(this), self.codec)
        else {
            return false;
        };
        let [least, most] = [GAP, MEANT].map(|time| i64::from(units(time, codec.clock_rate())));
        ssrc == header.ssrc
            && header.sequence.since(sequence) == 1
            && (least..=most).contains(&header.timestamp.since(timestamp))
    }

    fn measure(&mut self, packet: &[u8], header: &Header, now: Instant) {
        let told = self
            .extension
            .and_then(|number| rtp::extension(packet, number))
            .and_then(|value| value.first().copied());
        let payload = packet.get(header.payload.clone()).unwrap_or_default();
        let loudness = match (told, self.codec) {
            (Some(byte), _) => level::of_extension(byte),
            (None, Some(codec)) => self.reader.loudness(codec, payload),
            (None, None) => Loudness::Unknown,
        };
        match loudness {
            Loudness::Measured(power) => {
                self.sound.add(power);
                self.tells = true;
                if power > level::SILENCE {
                    self.last_sound = Some(now);
                }
            }
            Loudness::Empty => self.tells = true,
            // It may be anything, so nobody is called silent for it.
            Loudness::Unknown => self.last_sound = Some(now),
        }
    }

    pub(crate) fn codec(&self) -> Option<AudioCodec> {
        self.codec
    }

    pub(crate) fn sound(&self) -> Sound {
        self.sound
    }

    pub(crate) fn way(&self, now: Instant) -> Way {
        match self.way {
            Listening::Unplanned => Way::Unplanned,
            Listening::Closed => Way::Closed,
            Listening::Open { since } => Way::Open(now.saturating_duration_since(since)),
        }
    }

    /// For how long nothing has come that might have: of who suppresses silence, not before a
    /// minute.
    pub(crate) fn absent(&self, now: Instant) -> Duration {
        self.without(self.last_packet, now)
    }

    /// For how long nothing but silence has come, as far as that can be told; counted as
    /// [`Self::absent`].
    pub(crate) fn silent(&self, now: Instant) -> Duration {
        if self.tells {
            self.without(self.last_sound, now)
        } else {
            Duration::ZERO
        }
    }

    fn without(&self, last: Option<Instant>, now: Instant) -> Duration {
        match self.way {
            Listening::Unplanned | Listening::Closed => Duration::ZERO,
            Listening::Open { since } => {
                let since = last.map_or(since, |last| last.max(since));
                let meant = match self.suppresses {
                    true => MEANT,
                    false => Duration::ZERO,
                };
                now.saturating_duration_since(since).saturating_sub(meant)
            }
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
    use crate::rtp::Pt;

    const PACKET: Duration = Duration::from_millis(20);

    struct Peer {
        meter: SoundMeter,
        now: Instant,
    }

    impl Peer {
        fn speaking(codec: AudioCodec) -> Self {
            let now = Instant::now();
            let mut meter = SoundMeter::new();
            let mut receive = ReceiveMap::new();
            receive.insert(Pt::PCMA, PayloadKind::Audio);
            receive.insert(Pt::CN, PayloadKind::ComfortNoise);
            meter.set_codec(codec, &receive);
            meter.set_open(true, now);
            Self { meter, now }
        }

        /// A packet behind so many units of the clock, and no number missing.
        fn sends_next(&mut self, packet: &mut [u8], after: Duration, units: u32) {
            self.now += after;
            let header = Header::parse(packet).expect("RTP");
            packet[2..4].copy_from_slice(&header.sequence.plus(1).0.to_be_bytes());
            packet[4..8].copy_from_slice(&header.timestamp.plus(units).0.to_be_bytes());
            let header = Header::parse(packet).expect("RTP");
            self.meter.handle_rtp(packet, &header, self.now);
        }

        fn sends(&mut self, seconds: u64, packet: &[u8]) {
            let header = Header::parse(packet).expect("RTP");
            for _ in 0..seconds * 50 {
                self.now += PACKET;
                self.meter.handle_rtp(packet, &header, self.now);
            }
        }
    }

    fn packet(payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x80, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7];
        packet.extend_from_slice(payload);
        packet
    }

    fn with_level(level: u8) -> Vec<u8> {
        let mut packet = vec![0x90, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7];
        packet.extend_from_slice(&[0xbe, 0xde, 0, 1, 0x10, level, 0, 0]);
        packet.extend_from_slice(&[0x78; 60]);
        packet
    }

    #[test]
    fn silence_is_told_from_sound_and_from_nothing() {
        let mut peer = Peer::speaking(AudioCodec::Pcma);
        peer.sends(3, &packet(&[0xd5; 160]));
        assert!(peer.meter.silent(peer.now) > Duration::from_millis(2_900));
        assert!(peer.meter.absent(peer.now) < PACKET);
        peer.sends(1, &packet(&[0x2a; 160]));
        assert!(peer.meter.silent(peer.now) < Duration::from_millis(200));
        peer.now += Duration::from_secs(4);
        assert!(peer.meter.absent(peer.now) >= Duration::from_secs(4));
    }

    #[test]
    fn opus_without_a_level_is_silent_only_when_it_is_empty() {
        let mut peer = Peer::speaking(AudioCodec::Opus);
        peer.sends(5, &packet(&[0x78; 60]));
        assert_eq!(peer.meter.silent(peer.now), Duration::ZERO);
        assert_eq!(peer.meter.sound().level(), None);
        peer.sends(5, &packet(&[0xf8, 0xff, 0xfe]));
        assert!(peer.meter.silent(peer.now) > Duration::from_millis(4_500));
    }

    #[test]
    fn a_browser_says_how_loud_it_is() {
        let mut peer = Peer::speaking(AudioCodec::Opus);
        peer.meter.set_extension(Some(1));
        peer.sends(2, &with_level(0x80 | 25));
        let before = peer.meter.sound();
        assert_eq!(before.level(), Some(Dbov(-25)));
        peer.sends(5, &with_level(127));
        assert_eq!(
            peer.meter.sound().since(&before).level(),
            Some(Dbov::SILENCE)
        );
        assert!(peer.meter.silent(peer.now) > Duration::from_millis(4_500));
    }

    #[test]
    fn who_may_not_speak_is_neither_absent_nor_silent() {
        let mut peer = Peer::speaking(AudioCodec::Pcma);
        peer.sends(3, &packet(&[0xd5; 160]));
        peer.meter.set_open(false, peer.now);
        peer.now += Duration::from_secs(60);
        assert_eq!(peer.meter.absent(peer.now), Duration::ZERO);
        assert_eq!(peer.meter.silent(peer.now), Duration::ZERO);
        assert_eq!(peer.meter.way(peer.now), Way::Closed);
        peer.meter.set_open(true, peer.now);
        assert_eq!(peer.meter.absent(peer.now), Duration::ZERO);
        peer.now += Duration::from_secs(1);
        assert_eq!(peer.meter.absent(peer.now), Duration::from_secs(1));
        assert_eq!(peer.meter.way(peer.now), Way::Open(Duration::from_secs(1)));
    }

    #[test]
    fn comfort_noise_says_that_nothing_comes_on_purpose() {
        let mut peer = Peer::speaking(AudioCodec::Pcma);
        let mut noise = packet(&[70]);
        noise[1] = Pt::CN.index() as u8;
        let mut quiet = packet(&[0xd5; 160]);
        for _ in 0..8 {
            peer.sends_next(&mut quiet, PACKET, 160);
        }
        peer.sends_next(&mut noise, PACKET, 160);
        peer.now += Duration::from_secs(40);
        assert_eq!(peer.meter.absent(peer.now), Duration::ZERO);
        assert_eq!(peer.meter.silent(peer.now), Duration::ZERO);
        // A phone that is gone is missed all the same.
        peer.now += Duration::from_secs(40);
        assert!(peer.meter.absent(peer.now) >= Duration::from_secs(20));
        assert!(peer.meter.silent(peer.now) >= Duration::from_secs(20));
    }

    #[test]
    fn timestamps_that_go_on_without_packets_say_so_too() {
        let silence = [0xf8, 0xff, 0xfe];
        let mut opus = Peer::speaking(AudioCodec::Opus);
        let mut dtx = packet(&silence);
        for _ in 0..100 {
            opus.sends_next(&mut dtx, Duration::from_millis(400), 19_200);
        }
        assert_eq!(opus.meter.silent(opus.now), Duration::ZERO);
        // A phone without comfort noise that has been heard to pause.
        let mut phone = Peer::speaking(AudioCodec::Pcma);
        let mut speech = packet(&[0x2a; 160]);
        phone.sends_next(&mut speech, PACKET, 160);
        phone.sends_next(&mut speech, Duration::from_secs(3), 24_000);
        phone.now += Duration::from_secs(30);
        assert_eq!(phone.meter.absent(phone.now), Duration::ZERO);
        // Packets of any length without pauses say nothing of the kind, nor do losses.
        let mut phone = Peer::speaking(AudioCodec::Pcma);
        for _ in 0..20 {
            phone.sends_next(&mut speech, 6 * PACKET, 960);
        }
        let lost = u16::from_be_bytes([speech[2], speech[3]]).wrapping_add(9);
        speech[2..4].copy_from_slice(&lost.to_be_bytes());
        phone.sends_next(&mut speech, 60 * PACKET, 9_600);
        phone.now += Duration::from_secs(6);
        assert!(phone.meter.absent(phone.now) >= Duration::from_secs(6));
    }

    #[test]
    fn what_is_no_audio_is_not_measured() {
        let mut peer = Peer::speaking(AudioCodec::Pcma);
        let mut event = packet(&[1, 10, 0, 160]);
        event[1] = 101;
        peer.sends(3, &event);
        assert_eq!(peer.meter.sound(), Sound::default());
        assert!(peer.meter.absent(peer.now) < PACKET);
    }
}
