//! A phone leg as its worker keeps it: who may speak, what is sent, counted and timed.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use super::Settings;
use super::browser_slot::sent_facts;
use super::egress::{Channel, Egress};
use super::keep_alive::{KeepAlive, NOTHING};
use super::mailbox::{EventSink, LegId, PhoneOpening};
use super::silence::SilenceWatch;
use super::tally::Tally;
use super::video::VideoStream;
use crate::endpoints::{PhoneRemote, Ssrc};
use crate::event::{LegStats, Link};
use crate::phone_leg::SourceCheck;
use crate::rewriter::Rewriter;
use crate::rtcp::RtcpSession;
use crate::srtp::SdesSession;

/// What has left of a packet.
pub(super) enum Left {
    /// The packet itself.
    Plain,
    /// This.
    Encrypted(BytesMut),
}

/// One phone leg.
pub(crate) struct PhoneSlot {
    pub(crate) id: LegId,
    /// Its sockets, by the worker's numbering.
    pub(crate) key: usize,
    pub(crate) ssrc: Ssrc,
    pub(crate) source: SourceCheck,
    pub(crate) mux: bool,
    pub(crate) srtp: SdesSession,
    pub(crate) rtcp: RtcpSession,
    /// From the browser to this phone.
    pub(crate) rewriter: Option<Rewriter>,
    pub(crate) browser: Option<usize>,
    /// Of a leg that carries nothing but video.
    pub(super) video: Option<Box<VideoStream>>,
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
            srtp: SdesSession::new(settings.identity.provider().clone()),
            rtcp,
            rewriter: None,
            browser: None,
            video: None,
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
        if let Some(remote) = remote {
            // Who wants nothing for now has not changed its keys.
            let before = self.srtp.own_in_use();
            self.srtp.set_keys(remote.srtp, now);
            if self.srtp.own_in_use() != before
                && let Some(stream) = &mut self.video
            {
                stream.forget_sent();
            }
        }
        self.source.set_remote(remote, now);
        self.keep_alive.expect(remote.is_some(), now);
    }

    pub(crate) fn send_rtp(&mut self, packet: &[u8], now: Instant, egress: &mut impl Egress) {
        // Audio is not sent twice.
        let _left = self.transmit(packet, now, egress);
    }

    /// Sends a packet, if there is somewhere to send it to, and says what has left.
    pub(super) fn transmit(
        &mut self,
        packet: &[u8],
        now: Instant,
        egress: &mut impl Egress,
    ) -> Option<Left> {
        let Some(to) = self.source.rtp_destination(packet.len()) else {
            self.tally.dropped.not_open += 1;
            return None;
        };
        let sealed = match self.srtp.seal_rtp(packet).transpose() {
            Ok(sealed) => sealed,
            Err(refused) => {
                self.tally.refused(refused);
                return None;
            }
        };
        let datagram = sealed.as_deref().unwrap_or(packet);
        let taken = egress.to_phone(self.key, Channel::Rtp, to, datagram);
        self.tally.sent(datagram.len(), taken);
        self.keep_alive.sent(now);
        let (timestamp, payload) = sent_facts(packet);
        self.rtcp.handle_sent(timestamp, payload, now);
        Some(sealed.map_or(Left::Plain, Left::Encrypted))
    }

    /// A report of the phone, or of somebody else. Given back decrypted if it is the phone's.
    pub(crate) fn handle_rtcp<'a>(
        &mut self,
        datagram: &'a [u8],
        from: SocketAddr,
        now: Instant,
    ) -> Option<Cow<'a, [u8]>> {
        let opened = match self.srtp.open_rtcp(datagram, now).transpose() {
            Ok(opened) => opened,
            Err(refused) => {
                self.tally.refused(refused);
                return None;
            }
        };
        let known = self.source.handle_rtcp(from);
        if !known {
            self.tally.dropped.unknown_source += 1;
            return None;
        }
        let report = match opened {
            Some(opened) => Cow::Owned(opened.into()),
            None => Cow::Borrowed(datagram),
        };
        self.rtcp.handle_rtcp(&report, now);
        self.silence.heard(now);
        Some(report)
    }

    /// Keeps the way to the phone open if nothing has been said for a while.
    pub(crate) fn keep_open(&mut self, now: Instant, egress: &mut impl Egress) {
        if self.keep_alive.handle_timeout(now)
            && let Some(to) = self.source.rtp_destination(NOTHING.len())
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
        if let Some(to) = self.source.rtcp_destination()
            && let Ok(sealed) = self.srtp.seal_rtcp(packet).transpose()
        {
            let datagram = sealed.as_deref().unwrap_or(packet);
            // A report that the socket does not take is followed by the next one.
            let _taken = egress.to_phone(self.key, channel, to, datagram);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        if !self.live {
            return None;
        }
        let rewriter = self.rewriter.as_ref().and_then(Rewriter::poll_timeout);
        let video = self.video.as_ref();
        [
            video.and_then(|stream| stream.poll_timeout()),
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
