//! What the demo's far ends say: RTP from a plain socket, an echo or a tune.
//!
//! A phone's media in its simplest form (RFC 3550 section 5.1): one socket, one payload type,
//! packets of 20 ms, no RTCP. The echo sends back whatever it gets, so any codec will do; the
//! tune is G.711.

use std::collections::VecDeque;
use std::f64::consts::TAU;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use media::codec::AudioCodec;
use tokio::net::UdpSocket;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

/// How late the echo is: late enough to be told from one's own voice, and for a browser's
/// echo canceller to let it pass.
const ECHO_DELAY: Duration = Duration::from_millis(600);
/// Packets the echo holds at the most; more are dropped.
const ECHO_QUEUE: usize = 256;
const PTIME: Duration = Duration::from_millis(20);
const SAMPLES: usize = 160;
const RATE: f64 = 8000.0;
const HEADER: usize = 12;
const MAX_PACKET: usize = 1500;

/// What to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Voice {
    /// What was heard, a little later.
    Echo,
    /// A steady 880 Hz.
    Tone,
    /// Two notes in turn: "this is your call back".
    Chime,
}

impl Voice {
    /// The codecs it can be said in, best first.
    pub(super) fn codecs(self) -> &'static [AudioCodec] {
        match self {
            Self::Echo => &AudioCodec::ALL,
            Self::Tone | Self::Chime => &[AudioCodec::Pcmu, AudioCodec::Pcma],
        }
    }

    /// Frequency in Hz at `seconds` after the start.
    fn pitch(self, seconds: f64) -> f64 {
        match self {
            Self::Echo => 0.0,
            Self::Tone => 880.0,
            Self::Chime if seconds % 1.0 < 0.5 => 660.0,
            Self::Chime => 880.0,
        }
    }
}

/// A bound RTP socket that does not speak yet.
pub(super) struct Line {
    socket: UdpSocket,
    addr: SocketAddr,
}

impl Line {
    /// Binds a socket on `ip`, any port.
    pub(super) async fn open(ip: IpAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind((ip, 0)).await?;
        let addr = socket.local_addr()?;
        Ok(Self { socket, addr })
    }

    /// Where it listens.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Speaks to `remote` until the future is dropped or the socket fails.
    pub(super) async fn speak(self, voice: Voice, codec: AudioCodec, pt: u8, remote: SocketAddr) {
        let ended = match voice {
            Voice::Echo => self.echo(remote).await,
            Voice::Tone | Voice::Chime => self.play(voice, codec, pt, remote).await,
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "demo audio ended");
        }
    }

    async fn echo(self, remote: SocketAddr) -> io::Result<()> {
        let mut held: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
        let mut buffer = [0; MAX_PACKET];
        loop {
            let due = held.front().map(|(due, _)| *due);
            tokio::select! {
                received = self.socket.recv_from(&mut buffer) => {
                    let (length, from) = received?;
                    if from.ip() == remote.ip() && length >= HEADER && held.len() < ECHO_QUEUE {
                        let mut packet = buffer[..length].to_vec();
                        packet[8] ^= 0x80; // a source identifier of our own
                        held.push_back((driver_now() + ECHO_DELAY, packet));
                    }
                }
                () = sleep_until(due.unwrap_or_else(driver_now)), if due.is_some() => {
                    if let Some((_, packet)) = held.pop_front() {
                        self.socket.send_to(&packet, remote).await?;
                    }
                }
            }
        }
    }

    async fn play(
        self,
        voice: Voice,
        codec: AudioCodec,
        pt: u8,
        remote: SocketAddr,
    ) -> io::Result<()> {
        let encode = match codec {
            AudioCodec::Pcma => alaw,
            AudioCodec::Pcmu | AudioCodec::G722 | AudioCodec::Opus => ulaw,
        };
        let ssrc: u32 = rand::random();
        let mut ticks = interval(PTIME);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut phase = 0.0;
        let (mut sequence, mut timestamp) = (rand::random::<u16>(), rand::random::<u32>());
        for frame in 0_u64.. {
            ticks.tick().await;
            let seconds = frame as f64 * PTIME.as_secs_f64();
            let mut packet = Vec::with_capacity(HEADER + SAMPLES);
            packet.extend([0x80, pt | if frame == 0 { 0x80 } else { 0 }]);
            packet.extend(sequence.to_be_bytes());
            packet.extend(timestamp.to_be_bytes());
            packet.extend(ssrc.to_be_bytes());
            for _ in 0..SAMPLES {
                phase = (phase + TAU * voice.pitch(seconds) / RATE) % TAU;
                packet.push(encode((phase.sin() * 9000.0) as i16));
            }
            self.socket.send_to(&packet, remote).await?;
            sequence = sequence.wrapping_add(1);
            timestamp = timestamp.wrapping_add(SAMPLES as u32);
        }
        Ok(())
    }
}

fn driver_now() -> Instant {
    Instant::now()
}

/// G.711 mu-law of a 16-bit sample (ITU-T G.711).
fn ulaw(sample: i16) -> u8 {
    const BIAS: i32 = 0x84;
    const CLIP: i32 = 32_635;
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = i32::from(sample).abs().min(CLIP) + BIAS;
    let exponent = (magnitude >> 7).ilog2() as i32; // 0..=7, as magnitude is at least the bias
    let mantissa = (magnitude >> (exponent + 3)) & 0x0f;
    !(sign | (exponent << 4) as u8 | mantissa as u8)
}

/// G.711 A-law of a 16-bit sample (ITU-T G.711).
fn alaw(sample: i16) -> u8 {
    let sign = if sample < 0 { 0 } else { 0x80 };
    let magnitude = (i32::from(sample).abs().min(32_767)) >> 3;
    let code = match magnitude {
        0..=31 => magnitude >> 1,
        _ => {
            let exponent = magnitude.ilog2() as i32 - 4; // 1..=7
            (exponent << 4) | ((magnitude >> exponent) & 0x0f)
        }
    };
    (code as u8 | sign) ^ 0x55
}

#[cfg(test)]
mod tests {
    use super::*;

    // Decoders by the book, to hear what was said.
    fn ulaw_decoded(code: u8) -> i32 {
        let code = !code;
        let magnitude = (((i32::from(code) & 0x0f) << 3) + 0x84) << ((code >> 4) & 7);
        (magnitude - 0x84) * if code & 0x80 == 0 { 1 } else { -1 }
    }

    fn alaw_decoded(code: u8) -> i32 {
        let code = code ^ 0x55;
        let exponent = (code >> 4) & 7;
        let mantissa = i32::from(code & 0x0f);
        let magnitude = match exponent {
            0 => (mantissa << 4) + 8,
            _ => ((mantissa << 4) + 0x108) << (exponent - 1),
        };
        magnitude * if code & 0x80 == 0 { -1 } else { 1 }
    }

    #[test]
    fn a_decoded_sample_is_within_the_step_of_its_segment() {
        for sample in (i16::MIN..=i16::MAX).step_by(7) {
            let allowed = i32::from(sample).abs() / 16 + 16;
            for decoded in [ulaw_decoded(ulaw(sample)), alaw_decoded(alaw(sample))] {
                let off = (decoded - i32::from(sample)).abs();
                assert!(off <= allowed.max(700), "{sample} became {decoded}");
                if sample.unsigned_abs() < 30_000 {
                    assert!(off <= allowed, "{sample} became {decoded}");
                }
            }
        }
    }

    #[test]
    fn silence_has_the_codes_of_the_standard() {
        assert_eq!(ulaw(0), 0xff);
        assert_eq!(alaw(0), 0xd5);
    }
}
