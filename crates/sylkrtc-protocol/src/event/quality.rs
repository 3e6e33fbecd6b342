//! How a call sounds, and what is the matter with it: members of extension events.

use std::time::Duration;

use serde::Serialize;

/// Both ways of a call since the event before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quality {
    /// From the browser to the phone.
    pub to_phone: WayQuality,
    /// From the phone to the browser.
    pub to_browser: WayQuality,
    /// What is to be said of it.
    pub judgement: Judgement,
}

/// One way of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayQuality {
    /// RTP packets that came to the gateway.
    pub packets: u64,
    /// RTP packets that were lost before.
    pub lost: u64,
    /// Lost packets on the whole way as far as they are known, in hundredths of a percent.
    pub loss: u16,
    /// Interarrival jitter at the gateway.
    pub jitter: Duration,
    /// Round trips from the gateway to both ends together, as far as they are known.
    pub round_trip: Option<Duration>,
    /// The mean level in dBov: 0 the loudest, -127 silence.
    pub level: Option<i8>,
    /// The estimated mean opinion score in hundredths: 100 to 450.
    pub mos: Option<u16>,
    /// Packets that no key opened.
    pub srtp_failures: u64,
}

/// What is the matter, or that nothing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The cause, for machines: `good`, `nothing`, `silence` ...
    pub verdict: &'static str,
    /// `to-phone`, `to-browser` or `both`.
    pub direction: &'static str,
    /// A sentence for people.
    pub text: &'static str,
}

#[derive(Serialize)]
pub(crate) struct QualityPayload {
    to_phone: WayPayload,
    to_browser: WayPayload,
    #[serde(flatten)]
    judgement: JudgementPayload,
}

#[derive(Serialize)]
struct WayPayload {
    packets: u64,
    lost: u64,
    loss_percent: f64,
    jitter_ms: f64,
    round_trip_ms: Option<f64>,
    level_dbov: Option<i8>,
    mos: Option<f64>,
    srtp_failures: u64,
}

#[derive(Serialize)]
pub(crate) struct JudgementPayload {
    verdict: &'static str,
    direction: &'static str,
    text: &'static str,
}

impl Quality {
    pub(crate) fn payload(&self) -> QualityPayload {
        QualityPayload {
            to_phone: self.to_phone.payload(),
            to_browser: self.to_browser.payload(),
            judgement: self.judgement.payload(),
        }
    }
}

impl WayQuality {
    fn payload(&self) -> WayPayload {
        WayPayload {
            packets: self.packets,
            lost: self.lost,
            loss_percent: f64::from(self.loss) / 100.0,
            jitter_ms: milliseconds(self.jitter),
            round_trip_ms: self.round_trip.map(milliseconds),
            level_dbov: self.level,
            mos: self.mos.map(|mos| f64::from(mos) / 100.0),
            srtp_failures: self.srtp_failures,
        }
    }
}

impl Judgement {
    pub(crate) fn payload(self) -> JudgementPayload {
        let Self {
            verdict,
            direction,
            text,
        } = self;
        JudgementPayload {
            verdict,
            direction,
            text,
        }
    }
}

/// To a tenth of one.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}
