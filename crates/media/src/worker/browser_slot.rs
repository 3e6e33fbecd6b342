//! A browser leg as its worker keeps it: the sans-IO leg and what is counted and timed around it.

use std::time::Instant;

use bytes::Bytes;

use super::Settings;
use super::egress::Egress;
use super::mailbox::{BrowserOpening, EventSink, LegId};
use super::silence::SilenceWatch;
use super::tally::Tally;
use super::video::BrowserVideo;
use crate::browser_leg::{BrowserCore, Ufrag};
use crate::endpoints::Ssrc;
use crate::event::{LegStats, Link};
use crate::handle::Gate;
use crate::rewriter::Rewriter;
use crate::rtcp::RtcpSession;
use crate::rtp::RtpTimestamp;

/// One browser leg.
pub(crate) struct BrowserSlot {
    pub(crate) id: LegId,
    pub(crate) core: BrowserCore,
    pub(crate) ssrc: Ssrc,
    /// Under which user names the worker finds this leg.
    pub(crate) ufrags: Vec<Ufrag>,
    pub(crate) rtcp: RtcpSession,
    /// From the phone to this browser.
    pub(crate) rewriter: Option<Rewriter>,
    pub(crate) phone: Option<usize>,
    /// Beside the audio.
    pub(super) video: Option<Box<BrowserVideo>>,
    /// Whether the plan lets the browser speak.
    pub(crate) planned_open: bool,
    pub(crate) gate: Gate,
    pub(crate) silence: SilenceWatch,
    pub(crate) tally: Tally,
    pub(crate) armed: Option<Instant>,
    /// False once it has failed: it is not served any more.
    pub(crate) live: bool,
    pub(crate) on_event: EventSink,
}

impl BrowserSlot {
    pub(crate) fn new(id: LegId, opening: BrowserOpening, settings: &Settings, seed: u64) -> Self {
        let ufrag = opening.credentials.ufrag;
        let core = BrowserCore::new(
            settings.identity.clone(),
            opening.credentials,
            opening.role,
            settings.browser_limits(),
        );
        let rtcp = RtcpSession::new(
            opening.ssrc,
            opening.cname,
            super::FIRST_CLOCK_RATE,
            settings.clock,
            seed,
        );
        Self {
            id,
            core,
            ssrc: opening.ssrc,
            ufrags: vec![ufrag],
            rtcp,
            rewriter: None,
            phone: None,
            video: None,
            planned_open: false,
            gate: Gate::OPEN,
            silence: SilenceWatch::new(settings.limits.silence),
            tally: Tally::new(Link::Unchecked),
            armed: None,
            live: true,
            on_event: opening.on_event,
        }
    }

    /// Encrypts and sends a packet that begins with a fresh header.
    pub(crate) fn send_rtp(&mut self, packet: &[u8], now: Instant, egress: &mut impl Egress) {
        let Some(to) = self.core.destination() else {
            self.tally.dropped.not_open += 1;
            return;
        };
        match self.core.seal_rtp(packet) {
            Ok(sealed) => {
                let taken = egress.to_browser(to, &sealed);
                self.tally.sent(sealed.len(), taken);
                let (timestamp, payload) = sent_facts(packet);
                self.rtcp.handle_sent(timestamp, payload, now);
            }
            Err(refused) => self.tally.refused(refused),
        }
    }

    pub(crate) fn send_rtcp(&mut self, packet: &Bytes, egress: &mut impl Egress) {
        if let Some(to) = self.core.destination()
            && let Ok(sealed) = self.core.seal_rtcp(packet)
        {
            // A report that the socket does not take is followed by the next one.
            let _taken = egress.to_browser(to, &sealed);
        }
    }

    /// Whether RTP should be coming from the browser now.
    pub(crate) fn update_silence(&mut self, now: Instant) {
        let expected = self.phone.is_some()
            && self.planned_open
            && self.gate.browser_to_phone
            && self.core.is_connected();
        self.silence.expect(expected, now);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        if !self.live {
            return None;
        }
        let rewriter = self.rewriter.as_ref().and_then(Rewriter::poll_timeout);
        let video = self.video.as_ref();
        // Nobody waits for reports on video that was removed.
        let relayed = video.filter(|video| video.stream.peer.is_some());
        [
            relayed.and_then(|video| video.rtcp.poll_timeout()),
            video.and_then(|video| video.stream.poll_timeout()),
            self.core.poll_timeout(),
            self.rtcp.poll_timeout(),
            self.silence.poll_timeout(),
            rewriter,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    pub(crate) fn stats(&self, now: Instant) -> LegStats {
        LegStats {
            video: self.video.as_ref().map(|video| video.stats()),
            ..self.tally.stats(&self.rtcp.statistics(), now)
        }
    }
}

/// What RTCP wants to know of a sent packet with a twelve-byte header.
pub(crate) fn sent_facts(packet: &[u8]) -> (RtpTimestamp, usize) {
    let timestamp = match packet {
        &[_, _, _, _, t0, t1, t2, t3, ..] => u32::from_be_bytes([t0, t1, t2, t3]),
        _ => 0,
    };
    let payload = packet.len().saturating_sub(crate::rtp::HEADER_LENGTH);
    (RtpTimestamp(timestamp), payload)
}
