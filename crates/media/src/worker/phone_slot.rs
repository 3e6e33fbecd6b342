//! A phone leg as its worker keeps it: who may speak, what is sent, counted and timed.

use std::time::Instant;

use bytes::Bytes;

use super::Settings;
use super::browser_slot::sent_facts;
use super::egress::{Channel, Egress};
use super::keep_alive::{KeepAlive, NOTHING};
use super::mailbox::{EventSink, LegId, PhoneOpening};
use super::silence::SilenceWatch;
use super::tally::Tally;
use crate::endpoints::{PhoneRemote, Ssrc};
use crate::event::{LegStats, Link};
use crate::phone_leg::SourceCheck;
use crate::rewriter::Rewriter;
use crate::rtcp::RtcpSession;

/// One phone leg.
pub(crate) struct PhoneSlot {
    pub(crate) id: LegId,
    /// Its sockets, by the worker's numbering.
    pub(crate) key: usize,
    pub(crate) ssrc: Ssrc,
    pub(crate) source: SourceCheck,
    pub(crate) mux: bool,
    pub(crate) rtcp: RtcpSession,
    /// From the browser to this phone.
    pub(crate) rewriter: Option<Rewriter>,
    pub(crate) browser: Option<usize>,
    /// Whether the plan lets the phone speak.
    pub(crate) planned_open: bool,
    pub(crate) silence: SilenceWatch,
    keep_alive: KeepAlive,
    pub(crate) tally: Tally,
    pub(crate) armed: Option<Instant>,
    /// False once it has failed: it is not served any more.
    pub(crate) live: bool,
    pub(crate) on_event: EventSink,
}

impl PhoneSlot {
    pub(crate) fn new(
        id: LegId,
        key: usize,
        opening: PhoneOpening,
        settings: &Settings,
        seed: u64,
    ) -> Self {
        let rtcp = RtcpSession::new(
            opening.ssrc,
            opening.cname,
            super::FIRST_CLOCK_RATE,
            settings.clock,
            seed,
        );
        Self {
            id,
            key,
            ssrc: opening.ssrc,
            source: SourceCheck::new(settings.limits.silence),
            mux: false,
            rtcp,
            rewriter: None,
            browser: None,
            planned_open: false,
            silence: SilenceWatch::new(settings.limits.silence),
            keep_alive: KeepAlive::default(),
            tally: Tally::new(Link::Ready),
            armed: None,
            live: true,
            on_event: opening.on_event,
        }
    }

    pub(crate) fn set_remote(&mut self, remote: Option<PhoneRemote>, now: Instant) {
        self.mux = remote.is_some_and(|remote| remote.mux);
        self.source.set_remote(remote, now);
        self.keep_alive.expect(remote.is_some(), now);
    }

    pub(crate) fn send_rtp(&mut self, packet: &[u8], now: Instant, egress: &mut impl Egress) {
        let Some(to) = self.source.rtp_destination() else {
            self.tally.dropped.not_open += 1;
            return;
        };
        let taken = egress.to_phone(self.key, Channel::Rtp, to, packet);
        self.tally.sent(packet.len(), taken);
        self.keep_alive.sent(now);
        let (timestamp, payload) = sent_facts(packet);
        self.rtcp.handle_sent(timestamp, payload, now);
    }

    /// Keeps the way to the phone open if nothing has been said for a while.
    pub(crate) fn keep_open(&mut self, now: Instant, egress: &mut impl Egress) {
        if self.keep_alive.handle_timeout(now)
            && let Some(to) = self.source.rtp_destination()
        {
            // The next one follows; it is neither media nor counted as such.
            let _taken = egress.to_phone(self.key, Channel::Rtp, to, NOTHING);
        }
    }

    pub(crate) fn send_rtcp(&mut self, packet: &Bytes, egress: &mut impl Egress) {
        let channel = if self.mux {
            Channel::Rtp
        } else {
            Channel::Rtcp
        };
        if let Some(to) = self.source.rtcp_destination() {
            // A report that the socket does not take is followed by the next one.
            let _taken = egress.to_phone(self.key, channel, to, packet);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        if !self.live {
            return None;
        }
        let rewriter = self.rewriter.as_ref().and_then(Rewriter::poll_timeout);
        [
            self.rtcp.poll_timeout(),
            self.silence.poll_timeout(),
            self.keep_alive.poll_timeout(),
            rewriter,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    pub(crate) fn stats(&self, now: Instant) -> LegStats {
        self.tally.stats(&self.rtcp.statistics(), now)
    }
}
