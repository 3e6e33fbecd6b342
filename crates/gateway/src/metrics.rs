//! `/metrics`: what has happened since the start, and what is alive, in the text format of
//! Prometheus (version 0.0.4).
//!
//! Written by hand: it is a page of text, and the labels are closed sets. No account, address or
//! call is ever a label.

mod exposition;
mod histogram;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use media::quality::{CallFigures, Cause, Toward, Verdict, WayFigures};
use warp::Reply;
use warp::reply::Response;

use self::exposition::Exposition;
use self::histogram::Histogram;
use crate::call::VideoFigures;
use crate::health::Sources;

/// Of the time from the request or the INVITE until media flows, in seconds.
const SETUP: &[f64] = &[0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 60.0];
/// Of estimated mean opinion scores.
const MOS: &[f64] = &[1.5, 2.0, 2.5, 3.0, 3.5, 3.8, 4.0, 4.2, 4.3, 4.5];
/// Of the part of packets that was lost.
const LOSS: &[f64] = &[0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0];

/// What is counted of calls. Cheap to clone; all clones count together.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Counters>);

#[derive(Debug)]
struct Counters {
    /// Calls that have ended, by cause and direction of the verdict.
    ended: [[AtomicU64; Toward::ALL.len()]; Cause::ALL.len()],
    setup: Histogram,
    to_phone: WayCounters,
    to_browser: WayCounters,
}

/// Of one direction.
#[derive(Debug)]
struct WayCounters {
    packets: AtomicU64,
    lost: AtomicU64,
    srtp_failures: AtomicU64,
    video: AtomicU64,
    video_lost: AtomicU64,
    mos: Histogram,
    loss: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        Self(Arc::new(Counters {
            ended: Default::default(),
            setup: Histogram::new(SETUP),
            to_phone: WayCounters::new(),
            to_browser: WayCounters::new(),
        }))
    }
}

impl Metrics {
    /// Media flows, so long after the call began.
    pub fn established(&self, after: Duration) {
        self.0.setup.observe(after.as_secs_f64());
    }

    /// A call is over.
    pub fn call_ended(&self, figures: &CallFigures, verdict: Verdict) {
        let cause = Cause::ALL.iter().position(|cause| *cause == verdict.cause);
        let toward = Toward::ALL.iter().position(|way| *way == verdict.toward);
        if let (Some(cause), Some(toward)) = (cause, toward) {
            self.0.ended[cause][toward].fetch_add(1, Ordering::Relaxed);
        }
        self.0.to_phone.observe(&figures.to_phone);
        self.0.to_browser.observe(&figures.to_browser);
    }

    /// The video of a call that is over.
    pub fn video_ended(&self, figures: &VideoFigures) {
        let ways = [
            (&self.0.to_phone, &figures.from_browser),
            (&self.0.to_browser, &figures.from_phone),
        ];
        for (way, from) in ways {
            way.video
                .fetch_add(from.received.packets, Ordering::Relaxed);
            way.video_lost.fetch_add(from.lost, Ordering::Relaxed);
        }
    }

    fn write(&self, page: &mut Exposition) {
        let ended = "sylk_calls_ended_total";
        page.family(
            ended,
            "counter",
            "Calls that have ended, by the verdict on their sound.",
        );
        for (cause, ways) in Cause::ALL.iter().zip(&self.0.ended) {
            for (toward, count) in Toward::ALL.iter().zip(ways) {
                // What never happened is not shown, but for the rule.
                let count = count.load(Ordering::Relaxed);
                if count > 0 || (*cause == Cause::Good && *toward == Toward::Both) {
                    let labels = [("verdict", cause.token()), ("direction", toward.token())];
                    page.sample(ended, &labels, count as f64);
                }
            }
        }
        let setup = "sylk_call_setup_seconds";
        page.family(
            setup,
            "histogram",
            "From a call's beginning until media flows.",
        );
        page.histogram(setup, &[], &self.0.setup);
        let ways = [
            ("to-phone", &self.0.to_phone),
            ("to-browser", &self.0.to_browser),
        ];
        let mos = "sylk_call_mos";
        page.family(
            mos,
            "histogram",
            "Estimated mean opinion score of a call (ITU-T G.107).",
        );
        for (direction, way) in ways {
            page.histogram(mos, &[("direction", direction)], &way.mos);
        }
        let loss = "sylk_call_loss_ratio";
        page.family(
            loss,
            "histogram",
            "The part of a call's packets that was lost.",
        );
        for (direction, way) in ways {
            page.histogram(loss, &[("direction", direction)], &way.loss);
        }
        type Counter = fn(&WayCounters) -> &AtomicU64;
        let counters: [(&str, &str, Counter); 5] = [
            (
                "sylk_rtp_packets_total",
                "RTP packets that came, of calls that have ended.",
                |way| &way.packets,
            ),
            (
                "sylk_rtp_lost_packets_total",
                "RTP packets that were lost before they came.",
                |way| &way.lost,
            ),
            (
                "sylk_srtp_failures_total",
                "Packets that no key opened.",
                |way| &way.srtp_failures,
            ),
            (
                "sylk_video_packets_total",
                "RTP packets of video that came, of calls that have ended.",
                |way| &way.video,
            ),
            (
                "sylk_video_lost_packets_total",
                "RTP packets of video that were lost before they came.",
                |way| &way.video_lost,
            ),
        ];
        for (name, help, counter) in counters {
            page.family(name, "counter", help);
            for (direction, way) in ways {
                let count = counter(way).load(Ordering::Relaxed);
                page.sample(name, &[("direction", direction)], count as f64);
            }
        }
    }
}

impl WayCounters {
    fn new() -> Self {
        Self {
            packets: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            srtp_failures: AtomicU64::new(0),
            video: AtomicU64::new(0),
            video_lost: AtomicU64::new(0),
            mos: Histogram::new(MOS),
            loss: Histogram::new(LOSS),
        }
    }

    fn observe(&self, way: &WayFigures) {
        self.packets.fetch_add(way.received, Ordering::Relaxed);
        self.lost.fetch_add(way.lost, Ordering::Relaxed);
        self.srtp_failures
            .fetch_add(way.srtp_failures(), Ordering::Relaxed);
        // A way on which nothing came has no quality.
        if let Some(mos) = way.mos() {
            self.mos.observe(mos);
            self.loss.observe(way.loss());
        }
    }
}

/// The answer to `GET /metrics`.
#[derive(Clone)]
pub struct MetricsRoute {
    /// Whether others than loopback clients are answered.
    pub public: bool,
    /// What is alive.
    pub sources: Sources,
    /// What has happened.
    pub metrics: Metrics,
}

impl fmt::Debug for MetricsRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MetricsRoute")
    }
}

impl MetricsRoute {
    /// Answers a client at this address.
    #[must_use]
    pub fn answer(&self, client: IpAddr) -> Response {
        if !self.public && !client.to_canonical().is_loopback() {
            return StatusCode::NOT_FOUND.into_response();
        }
        let mut page = Exposition::default();
        self.metrics.write(&mut page);
        write_alive(&self.sources, &mut page);
        let mut response = page.into_text().into_response();
        let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, text);
        response
    }
}

/// Gauges of the ledger, and counters of the SIP side.
fn write_alive(sources: &Sources, page: &mut Exposition) {
    let all = sources.snapshot();
    for (name, help, value) in [
        ("sylk_connections", "WebSockets.", all.gateway.connections),
        (
            "sylk_accounts",
            "Accounts of all connections.",
            all.gateway.accounts,
        ),
        (
            "sylk_registrations",
            "Bindings at registrars.",
            all.sip.registrations,
        ),
        ("sylk_calls", "Calls.", all.gateway.calls),
        (
            "sylk_browser_legs",
            "Legs towards browsers.",
            all.media.browser_legs,
        ),
        (
            "sylk_phone_legs",
            "Legs towards phones.",
            all.media.phone_legs,
        ),
        (
            "sylk_phone_ports",
            "Ports of phone legs, resting ones included.",
            all.media.phone_ports,
        ),
    ] {
        page.family(name, "gauge", help);
        page.sample(name, &[], value as f64);
    }
    let traffic = &all.permanent.sip_traffic;
    for (name, help, value) in [
        (
            "sylk_sip_received_total",
            "SIP messages received.",
            traffic.received,
        ),
        ("sylk_sip_sent_total", "SIP messages sent.", traffic.sent),
        (
            "sylk_sip_malformed_total",
            "What came and was no SIP message.",
            traffic.malformed,
        ),
        (
            "sylk_sip_strangers_total",
            "Requests of strangers, dropped.",
            traffic.strangers,
        ),
    ] {
        page.family(name, "counter", help);
        page.sample(name, &[], value as f64);
    }
}

#[cfg(test)]
mod tests {
    use media::codec::AudioCodec;

    use super::*;

    #[test]
    fn a_call_is_counted_by_its_verdict_and_its_quality() {
        let metrics = Metrics::default();
        let figures = CallFigures {
            to_phone: WayFigures {
                codec: Some(AudioCodec::Pcmu),
                received: 95,
                lost: 5,
                ..WayFigures::default()
            },
            to_browser: WayFigures::default(),
        };
        let verdict = Verdict {
            cause: Cause::Nothing,
            toward: Toward::Browser,
        };
        metrics.call_ended(&figures, verdict);
        let mut video = VideoFigures::default();
        video.from_phone.received.packets = 700;
        video.from_phone.lost = 3;
        metrics.video_ended(&video);
        metrics.established(Duration::from_millis(150));
        let mut page = Exposition::default();
        metrics.write(&mut page);
        let text = page.into_text();
        for line in [
            "sylk_calls_ended_total{verdict=\"nothing\",direction=\"to-browser\"} 1",
            "sylk_calls_ended_total{verdict=\"good\",direction=\"both\"} 0",
            "sylk_call_setup_seconds_bucket{le=\"0.1\"} 0",
            "sylk_call_setup_seconds_bucket{le=\"0.2\"} 1",
            "sylk_call_loss_ratio_bucket{direction=\"to-phone\",le=\"0.02\"} 0",
            "sylk_call_loss_ratio_bucket{direction=\"to-phone\",le=\"0.05\"} 1",
            "sylk_call_mos_count{direction=\"to-browser\"} 0",
            "sylk_rtp_lost_packets_total{direction=\"to-phone\"} 5",
            "sylk_video_packets_total{direction=\"to-browser\"} 700",
            "sylk_video_lost_packets_total{direction=\"to-browser\"} 3",
            "sylk_video_packets_total{direction=\"to-phone\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
