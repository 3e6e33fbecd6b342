//! Two legs joined: plans, gates, and what is expected to be heard.

use std::time::Instant;

use rand::RngExt;

use super::legs::{LegKey, Legs};
use crate::handle::Gate;
use crate::relay::Relay;
use crate::rewriter::Rewriter;
use crate::rtp::{RtpTimestamp, SeqNo};

impl Legs {
    /// Joins two legs by a plan, or gives joined ones a new plan.
    pub(super) fn bridge(&mut self, browser: usize, phone: usize, relay: Relay, now: Instant) {
        if let Some(old) = self.browsers[browser].phone.filter(|old| *old != phone) {
            self.phones[old].browser = None;
            self.phones[old].rewriter = None;
            self.phones[old].silence.expect(false, now);
        }
        if let Some(old) = self.phones[phone].browser.filter(|old| *old != browser) {
            self.unbridge_browser(old, now);
        }
        let Relay {
            to_phone,
            to_browser,
            ..
        } = relay;
        let meter = &mut self.browsers[browser].tally.meter;
        meter.set_codec(to_phone.from.codec, &to_phone.receive);
        let meter = &mut self.phones[phone].tally.meter;
        meter.set_codec(to_browser.from.codec, &to_browser.receive);
        let rng = &mut self.rng;
        let mut first = || {
            // Below half, so that no receiver mistakes the first packets for the last ones
            // before a roll-over (RFC 3711 §3.3.1).
            let sequence = SeqNo(rng.random::<u16>() & 0x7fff);
            (sequence, RtpTimestamp(rng.random()))
        };
        let slot = &mut self.phones[phone];
        slot.browser = Some(browser);
        slot.rtcp.set_clock_rate(to_phone.to.codec.clock_rate());
        let phone_speaks = to_browser.open;
        let browser_speaks = to_phone.open;
        match &mut slot.rewriter {
            Some(rewriter) => rewriter.replan(to_phone, now),
            None => {
                let (sequence, timestamp) = first();
                let rewriter = Rewriter::new(to_phone, slot.ssrc, sequence, timestamp, now);
                slot.rewriter = Some(rewriter);
            }
        }
        slot.planned_open = phone_speaks;
        let slot = &mut self.browsers[browser];
        slot.phone = Some(phone);
        slot.planned_open = browser_speaks;
        slot.rtcp.set_clock_rate(to_browser.to.codec.clock_rate());
        match &mut slot.rewriter {
            Some(rewriter) => rewriter.replan(to_browser, now),
            None => {
                let (sequence, timestamp) = first();
                let rewriter = Rewriter::new(to_browser, slot.ssrc, sequence, timestamp, now);
                slot.rewriter = Some(rewriter);
            }
        }
        // A rewriter that is new does not know the gate's position.
        let gate = self.browsers[browser].gate;
        self.set_gate(browser, gate, now);
    }

    /// A phone that is heard may be sent its video, too, though nobody is heard there.
    pub(super) fn vouch_for_video(&mut self, browser: usize) {
        let Some(slot) = self.browsers.get(browser) else {
            return;
        };
        let audio = slot.phone.and_then(|phone| self.phones.get(phone));
        let machine = audio.and_then(|phone| phone.source.heard_from());
        let video = slot.video.as_ref().and_then(|video| video.stream.peer);
        let video = video.and_then(|phone| self.phones.get_mut(phone));
        if let (Some(machine), Some(video)) = (machine, video) {
            video.source.vouch_for(machine);
        }
    }

    pub(super) fn unbridge_browser(&mut self, browser: usize, now: Instant) {
        let slot = &mut self.browsers[browser];
        slot.phone = None;
        slot.silence.expect(false, now);
    }

    /// The rewriters are told too, so that numbering shows no gap for what was kept back.
    pub(super) fn set_gate(&mut self, browser: usize, gate: Gate, now: Instant) {
        let slot = &mut self.browsers[browser];
        slot.gate = gate;
        if let Some(rewriter) = &mut slot.rewriter {
            rewriter.set_gate(gate.phone_to_browser, now);
        }
        let phone = slot.phone.and_then(|at| self.phones.get_mut(at));
        if let Some(rewriter) = phone.and_then(|phone| phone.rewriter.as_mut()) {
            rewriter.set_gate(gate.browser_to_phone, now);
        }
        self.update_silence(browser, now);
    }

    /// Media is expected on a bridged leg that plan and gate let speak. A phone that holds the
    /// call need not play music; but one that is sent media must have shown itself once.
    pub(super) fn update_silence(&mut self, browser: usize, now: Instant) {
        let slot = &mut self.browsers[browser];
        slot.update_silence(now);
        let (gate, listened_to) = (slot.gate, slot.planned_open);
        let speaks = listened_to && gate.browser_to_phone;
        slot.tally.meter.set_open(speaks, now);
        if let Some(phone) = slot.phone {
            let slot = &mut self.phones[phone];
            let speaks = slot.planned_open && gate.phone_to_browser;
            slot.tally.meter.set_open(speaks, now);
            let talks = slot.planned_open && listened_to && gate.phone_to_browser;
            let unheard = listened_to && gate.browser_to_phone && !slot.source.is_heard();
            slot.silence.expect(talks || unheard, now);
            self.rearm(LegKey::Phone(phone), now);
        }
    }
}
