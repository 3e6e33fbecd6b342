//! What signalling wants of one leg, or of two that belong together.

use std::time::Instant;

use super::{LegKey, Legs};
use crate::worker::egress::Egress;
use crate::worker::mailbox::Command;

impl Legs {
    /// Carries out a command. One for a leg that is gone is void.
    pub(crate) fn handle_command(
        &mut self,
        command: Command,
        now: Instant,
        egress: &mut impl Egress,
    ) {
        let id = match &command {
            Command::SetBrowserRemote(id, _)
            | Command::RestartIce(id, _)
            | Command::ExpectChecks(id)
            | Command::SetPhoneRemote(id, _)
            | Command::NeedKeyframe(id)
            | Command::SetGate(id, _)
            | Command::SendDigit(id, _)
            | Command::TellDigit(id, _)
            | Command::Snapshot(id, _)
            | Command::Close(id)
            | Command::OpenBrowser(id, _)
            | Command::OpenPhone(id, ..) => *id,
            Command::Bridge { browser, .. } | Command::BridgeVideo { browser, .. } => *browser,
        };
        let Some(key) = self.by_id.get(&id).copied() else {
            return;
        };
        if !self.is_live(key) && !matches!(command, Command::Snapshot(..)) {
            return;
        }
        self.serve(key, now, egress, |legs, egress| match (command, key) {
            (Command::SetBrowserRemote(_, remote), LegKey::Browser(at)) => {
                let slot = &mut legs.browsers[at];
                slot.tally.meter.set_extension(remote.audio_level);
                slot.core.set_remote(*remote, now);
            }
            (Command::RestartIce(_, credentials), LegKey::Browser(at)) => {
                let slot = &mut legs.browsers[at];
                legs.by_ufrag.insert(credentials.ufrag, at);
                slot.core.restart_ice(credentials);
                slot.ufrags.retain(|old| {
                    let valid = slot.core.ufrags().any(|ufrag| ufrag == *old);
                    if !valid {
                        legs.by_ufrag.remove(old);
                    }
                    valid
                });
                slot.ufrags = slot.core.ufrags().collect();
            }
            (Command::ExpectChecks(_), LegKey::Browser(at)) => {
                legs.browsers[at].core.expect_checks(now);
            }
            (Command::SetPhoneRemote(_, remote), LegKey::Phone(at)) => {
                legs.phones[at].set_remote(remote, now);
                let video = legs.phones[at].video.as_ref();
                if let Some(browser) = video.and_then(|stream| stream.peer) {
                    legs.vouch_for_video(browser);
                }
            }
            (Command::Bridge { phone, relay, .. }, LegKey::Browser(at)) => {
                if let Some(phone) = legs.live_phone(phone) {
                    legs.bridge(at, phone, *relay, now);
                    legs.vouch_for_video(at);
                }
            }
            (Command::BridgeVideo { phone, relay, .. }, LegKey::Browser(at)) => {
                if let Some(phone) = legs.live_phone(phone) {
                    legs.bridge_video(at, phone, &relay, now);
                    legs.vouch_for_video(at);
                }
            }
            (Command::NeedKeyframe(_), LegKey::Browser(at)) => {
                if let Some(video) = &mut legs.browsers[at].video {
                    // It is asked with its next packet.
                    video.stream.want_keyframe();
                }
            }
            (Command::SetGate(_, gate), LegKey::Browser(at)) => {
                legs.set_gate(at, gate, now);
            }
            (Command::SendDigit(_, dtmf), LegKey::Phone(at)) => {
                if let Some(rewriter) = &mut legs.phones[at].rewriter {
                    rewriter.send_digit(dtmf, now);
                }
                legs.drain_phone_rewriter(at, now, egress);
            }
            (Command::TellDigit(_, dtmf), LegKey::Phone(at)) => {
                legs.handle_told_key(at, dtmf, now, egress);
            }
            (Command::Snapshot(_, reply), LegKey::Browser(at)) => {
                reply(legs.browsers[at].stats(now));
            }
            (Command::Snapshot(_, reply), LegKey::Phone(at)) => reply(legs.phones[at].stats(now)),
            // Opening and closing are the driver's, for their sockets; nothing else fits.
            (
                Command::SetBrowserRemote(..)
                | Command::RestartIce(..)
                | Command::ExpectChecks(_)
                | Command::SetPhoneRemote(..)
                | Command::Bridge { .. }
                | Command::BridgeVideo { .. }
                | Command::NeedKeyframe(_)
                | Command::SetGate(..)
                | Command::SendDigit(..)
                | Command::TellDigit(..)
                | Command::Close(_)
                | Command::OpenBrowser(..)
                | Command::OpenPhone(..),
                LegKey::Browser(_) | LegKey::Phone(_),
            ) => {}
        });
    }
}
