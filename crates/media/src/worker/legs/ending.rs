//! How a leg ends: told goodbye, or cut off; and what the others know of it then.

use std::time::Instant;

use super::{LegKey, Legs};
use crate::event::{LegEvent, LegFailure};
use crate::worker::egress::Egress;
use crate::worker::mailbox::{EventSink, LegId};

impl Legs {
    /// Closes a leg: says goodbye, tells its counters, forgets it.
    pub(crate) fn close(
        &mut self,
        id: LegId,
        now: Instant,
        egress: &mut impl Egress,
    ) -> Option<LegKey> {
        let key = self.by_id.remove(&id)?;
        self.serve(key, now, egress, |legs, egress| match key {
            LegKey::Browser(at) => {
                let slot = &mut legs.browsers[at];
                if slot.core.is_connected() {
                    let bye = slot.rtcp.bye(now);
                    slot.send_rtcp(&bye, egress);
                }
                slot.core.close(now);
                legs.flush_browser(at, now, egress);
                let slot = &mut legs.browsers[at];
                let stats = slot.stats(now);
                tell_last(&mut slot.on_event, LegEvent::Stats(Box::new(stats)));
            }
            LegKey::Phone(at) => {
                let slot = &mut legs.phones[at];
                let bye = slot.rtcp.bye(now);
                slot.send_rtcp(&bye, egress);
                let stats = slot.stats(now);
                tell_last(&mut slot.on_event, LegEvent::Stats(Box::new(stats)));
            }
        });
        self.detach(key, now);
        match key {
            LegKey::Browser(at) => drop(self.browsers.remove(at)),
            LegKey::Phone(at) => drop(self.phones.remove(at)),
        }
        Some(key)
    }

    /// The worker cannot go on: cuts a leg off and says so.
    pub(crate) fn give_up(&mut self, id: LegId, now: Instant, egress: &mut impl Egress) {
        if let Some(key) = self
            .by_id
            .get(&id)
            .copied()
            .filter(|key| self.is_live(*key))
        {
            self.serve(key, now, egress, |legs, _| {
                legs.detach(key, now);
                legs.tell(key, LegEvent::Failed(LegFailure::Panicked));
            });
        }
    }

    /// Cuts a leg off from packets, timers and its counterpart; it stays until it is closed.
    pub(super) fn detach(&mut self, key: LegKey, now: Instant) {
        match key {
            LegKey::Browser(at) => {
                let Some(slot) = self.browsers.get_mut(at) else {
                    return;
                };
                self.timers.disarm(key, &mut slot.armed);
                let phone = slot.phone.take();
                let video = slot.video.take().and_then(|video| video.stream.peer);
                slot.rewriter = None;
                slot.silence.expect(false, now);
                slot.live = false;
                for ufrag in std::mem::take(&mut slot.ufrags) {
                    self.by_ufrag.remove(&ufrag);
                }
                for address in slot.core.addresses().collect::<Vec<_>>() {
                    self.forget_address(address, at);
                }
                if let Some(phone) = video {
                    self.unbridge_phone_video(phone);
                }
                if let Some(slot) = phone.and_then(|phone| self.phones.get_mut(phone)) {
                    slot.browser = None;
                    slot.silence.expect(false, now);
                }
            }
            LegKey::Phone(at) => {
                let Some(slot) = self.phones.get_mut(at) else {
                    return;
                };
                self.timers.disarm(key, &mut slot.armed);
                slot.rewriter = None;
                slot.live = false;
                slot.silence.expect(false, now);
                let video = slot.video.take().and_then(|stream| stream.peer);
                if let Some(browser) = slot.browser.take() {
                    self.unbridge_browser(browser, now);
                }
                if let Some(browser) = video {
                    self.unbridge_browser_video(browser);
                }
            }
        }
    }
}

/// Tells a last event and lets go of who hears it, while the leg is still being served.
fn tell_last(sink: &mut EventSink, event: LegEvent) {
    let sink = std::mem::replace(sink, Box::new(|_| {}));
    sink(event);
}
