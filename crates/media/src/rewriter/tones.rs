//! Keys that are no telephone-events: played and heard within the sound, or told by signalling.
//!
//! Packets that a [`Player`] makes leave under the numbering of the way, and what arrives
//! meanwhile is left out, as beside a telephone-event. A [`Listener`] changes nothing.

use std::time::{Duration, Instant};

use audio_codec::Decoder as _;
use audio_codec::pcma::PcmaDecoder;
use audio_codec::pcmu::PcmuDecoder;

use super::{AUDIO_PACKET_LENGTH, Audio, Rewriter};
use crate::codec::AudioCodec;
use crate::dtmf::{Digit, Dtmf, EventPayload, Form, Listener, Player};
use crate::relay::{InBand, Path};
use crate::rtp::{HEADER_LENGTH, Header, SeqNo};
use crate::transcode::MAX_PAYLOAD;

/// Samples of G.711 that are listened to; longer packets than 60 ms are none of ours.
const LONGEST: usize = MAX_PAYLOAD;

/// How a way is listened to: by its transcoder, or beside the relay where that can be.
#[derive(Debug, Default)]
pub(super) enum Ear {
    /// Not at all.
    #[default]
    None,
    /// The transcoder does.
    Transcoder,
    /// Packets of G.711 are decoded for it.
    Relay(Box<Listener>),
}

impl Ear {
    pub(super) fn new(path: &Path, audio: &mut Audio) -> Self {
        let listens = match path.in_band {
            InBand::Listen => true,
            InBand::Off | InBand::Play => false,
        };
        match audio {
            Audio::Transcoded(transcoder) => {
                transcoder.listen(listens);
                if listens {
                    Self::Transcoder
                } else {
                    Self::None
                }
            }
            Audio::Relayed if listens && path.from.codec.is_g711() => {
                Self::Relay(Box::new(Listener::new(8_000)))
            }
            Audio::Relayed => Self::None,
        }
    }

    pub(super) fn poll_timeout(&self, audio: &Audio) -> Option<Instant> {
        match (self, audio) {
            (Self::Relay(listener), _) => listener.poll_timeout(),
            (Self::Transcoder, Audio::Transcoded(transcoder)) => transcoder.key_timeout(),
            (Self::Transcoder, Audio::Relayed) | (Self::None, _) => None,
        }
    }
}

impl Rewriter {
    /// A key that signalling has told of: it is told on, and goes where telephone-events go, unless
    /// it has been heard before.
    pub(crate) fn handle_told(&mut self, dtmf: Dtmf, now: Instant) {
        if !self.once.is_new(Form::Told, dtmf.digit, now) {
            return;
        }
        self.report(dtmf);
        if self.is_open() && self.path.send.event.is_some() {
            self.send_as_event(dtmf, now);
        }
    }

    /// Sends a key in the form that this way has.
    pub(super) fn send_key(&mut self, dtmf: Dtmf, now: Instant) {
        match self.path.in_band {
            InBand::Play => self.play(dtmf, now),
            InBand::Off | InBand::Listen => self.send_as_event(dtmf, now),
        }
    }

    fn send_as_event(&mut self, Dtmf { digit, duration }: Dtmf, now: Instant) {
        let volume = EventPayload::DEFAULT_VOLUME;
        self.sender.begin(digit, volume, now);
        self.sender.end(duration);
        self.send_events(now);
    }

    /// A key of the far end is up: where keys are tones, this is when it is played.
    pub(super) fn play_if_tones(&mut self, dtmf: Dtmf, now: Instant) {
        match self.path.in_band {
            InBand::Play => self.play(dtmf, now),
            InBand::Off | InBand::Listen => {}
        }
    }

    fn play(&mut self, dtmf: Dtmf, now: Instant) {
        match &mut self.player {
            Some(player) => player.add(dtmf),
            None => self.player = Player::new(self.path.to, dtmf, now).map(Box::new),
        }
    }

    /// Whether keys are being sent: nothing else is, meanwhile.
    pub(super) fn is_sending_keys(&self) -> bool {
        self.sender.is_sending() || self.player.is_some()
    }

    /// Writes a packet of tone that is due to the front of `packet`, and says how long it is.
    pub(super) fn poll_tone(
        &mut self,
        packet: &mut [u8; AUDIO_PACKET_LENGTH],
        now: Instant,
    ) -> Option<usize> {
        let player = self.player.as_mut()?;
        let (head, payload) = packet.split_first_chunk_mut::<HEADER_LENGTH>()?;
        let payload = payload.first_chunk_mut::<MAX_PAYLOAD>()?;
        let Some(played) = player.poll_packet(payload, now) else {
            if player.is_over() && player.poll_timeout() <= now {
                self.player = None;
            }
            return None;
        };
        let frame = player.frame();
        let header = self.own_header(played.first, frame, played.length, now);
        *head = header.to_bytes();
        Some(header.payload.end)
    }

    /// The header of a packet of our own sound, tones or music, with `length` bytes of payload that
    /// last for `frame`: numbers and times go on from what was relayed.
    pub(super) fn own_header(
        &mut self,
        first: bool,
        frame: Duration,
        length: usize,
        now: Instant,
    ) -> Header {
        let timestamp = match first {
            true => self.numbering.begin_own(frame, now),
            false => self.numbering.continue_own(frame),
        };
        Header {
            marker: first,
            payload_type: self.path.send.audio,
            sequence: self.numbering.own_sequence(),
            timestamp,
            ssrc: self.numbering.ssrc(),
            payload: HEADER_LENGTH..HEADER_LENGTH + length,
        }
    }

    /// Listens to a packet of G.711 that is relayed.
    pub(super) fn listen_to(&mut self, sequence: SeqNo, payload: &[u8], now: Instant) {
        let Ear::Relay(listener) = &mut self.ear else {
            return;
        };
        let mut pcm = [0; LONGEST];
        let decoded = match self.path.from.codec {
            AudioCodec::Pcmu => PcmuDecoder::new().decode_into(payload, &mut pcm),
            AudioCodec::Pcma => PcmaDecoder::new().decode_into(payload, &mut pcm),
            AudioCodec::Opus | AudioCodec::G722 => return,
        };
        listener.follow(sequence);
        listener.hear(pcm.get(..decoded.unwrap_or(0)).unwrap_or_default(), now);
        self.tell_heard(now);
    }

    fn listener(&mut self) -> Option<&mut Listener> {
        match (&mut self.ear, &mut self.audio) {
            (Ear::Relay(listener), _) => Some(listener),
            (Ear::Transcoder, Audio::Transcoded(transcoder)) => transcoder.listener(),
            (Ear::Transcoder, Audio::Relayed) | (Ear::None, _) => None,
        }
    }

    /// Keys end when there is no sound any more.
    pub(super) fn handle_silence(&mut self, now: Instant) {
        if let Some(listener) = self.listener() {
            listener.handle_timeout(now);
            self.tell_heard(now);
        }
    }

    /// Tells of a key that was heard in the sound.
    pub(super) fn tell_heard(&mut self, now: Instant) {
        if let Some(dtmf) = self.listener().and_then(Listener::poll_key)
            && self.once.is_new(Form::Sound, dtmf.digit, now)
        {
            self.report(dtmf);
        }
    }

    /// Whether a key that goes down is one that came in another form before.
    pub(super) fn is_known(&mut self, digit: Digit, now: Instant) -> bool {
        !self.once.is_new(Form::Event, digit, now)
    }
}
