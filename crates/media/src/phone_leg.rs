//! Who may speak on a phone leg, and where its media goes: plain RTP without a key.
//!
//! A phone says in its SDP where it receives, and by RFC 4961 it sends from there. Behind a NAT its
//! packets come from elsewhere, and the address has to be learned from them. Learning is what
//! thieves wait for (injected audio, media that bleeds away), so the rule is narrow:
//!
//! 1. What comes from the signalled address is the phone's, always, and settles the matter: nothing
//!    is learned any more.
//! 2. Until then, and only in the first seconds behind signalling, ONE other source may take its
//!    place: it must send a run of packets in sequence under one SSRC, and nothing may have come
//!    from the signalled address meanwhile. Where the signalled address may well be right, the run
//!    must also outlast a time in which the phone itself would have spoken. The packets of the run
//!    are not passed on.
//! 3. Afterwards a source is followed to a new address only if the old one has fallen silent and
//!    the new one goes on with its SSRC and its sequence numbers: a NAT that forgot, a phone that
//!    changed its network.
//! 4. Signalling may name another address at any time, and all begins anew. Naming the same one
//!    again (hold, resume, refresh) changes nothing for a phone that was heard.
//!
//! What this cannot prevent: a phone that is never heard from its signalled address may be
//! impersonated by whoever shows a convincing run first. Against that, only encryption helps.
//!
//! An address that never sent anything, not even a report, is sent only a limited number of bytes,
//! so that nobody can be flooded by naming him in SDP. The limit is that of silence, after which the
//! worker says that such a phone is not there: no call goes on with one side deaf. For video, the
//! audio of the same machine vouches: a phone that only watches need not report.

mod candidate;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use candidate::Candidate;

use crate::endpoints::PhoneRemote;
use crate::rtp::{Header, SeqNo, Ssrc};
use crate::sdp::is_private;

/// How long behind signalling a source may be learned.
const LEARNING: Duration = Duration::from_secs(10);
/// How long a run must last when the signalled address may be right.
const PATIENCE: Duration = Duration::from_millis(500);
/// Silence of a known source before another address may go on for it.
const GONE: Duration = Duration::from_secs(1);
/// How far ahead of the last packet heard a source may go on.
const MAX_LEAP: i32 = 3_000;
/// Bytes per second that an address is sent while it was never heard. More than audio has: time
/// runs out before bytes do.
const UNHEARD_RATE: u64 = 16_000;
/// With less than a packet's length left, reports end too.
const SPENT: u64 = 1_500;

/// What a packet's source is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The known source.
    Accept,
    /// A new source, from here on the known one: media is sent there too.
    Learned,
    /// Somebody else, or not known enough yet: drop and count.
    Stranger,
}

/// Decides for each packet whether it comes from the phone.
#[derive(Debug)]
pub(crate) struct SourceCheck {
    /// Bytes that are sent to an address before it is heard.
    unheard_budget: u64,
    signalled: Option<Signalled>,
    heard: Option<Heard>,
    candidate: Option<Candidate>,
}

/// What signalling said last.
#[derive(Debug)]
struct Signalled {
    remote: PhoneRemote,
    /// When the time for learning began.
    at: Instant,
    /// False while the phone wants nothing (`0.0.0.0`).
    sending: bool,
    /// Bytes that may still be sent without having heard anything; `u64::MAX`: all there are.
    budget: u64,
    /// Whether reports have come from its address.
    reports: bool,
}

/// The source that was accepted.
#[derive(Debug)]
struct Heard {
    rtp: SocketAddr,
    /// Where its RTCP came from last.
    rtcp: Option<SocketAddr>,
    ssrc: Ssrc,
    newest: SeqNo,
    at: Instant,
}

impl SourceCheck {
    /// Knows no phone yet: everything is a stranger's. `unheard`: how long a phone that is not
    /// heard may be sent media; zero for ever.
    #[must_use]
    pub(crate) fn new(unheard: Duration) -> Self {
        let budget = match unheard.as_secs() {
            0 => u64::MAX,
            seconds => seconds.saturating_mul(UNHEARD_RATE),
        };
        Self {
            unheard_budget: budget,
            signalled: None,
            heard: None,
            candidate: None,
        }
    }

    /// Signalling named (or renamed) the phone's addresses; `None` when it wants nothing sent for
    /// now (`0.0.0.0`), though it may still be heard.
    pub(crate) fn set_remote(&mut self, remote: Option<PhoneRemote>, now: Instant) {
        let Some(remote) = remote else {
            if let Some(signalled) = &mut self.signalled {
                signalled.sending = false;
            }
            return;
        };
        match &mut self.signalled {
            Some(signalled) if signalled.remote.rtp == remote.rtp => {
                signalled.remote = remote;
                signalled.sending = true;
                if self.heard.is_none() {
                    signalled.at = now;
                }
            }
            Some(_) | None => {
                self.signalled = Some(Signalled {
                    remote,
                    at: now,
                    sending: true,
                    budget: self.unheard_budget,
                    reports: false,
                });
                self.heard = None;
                self.candidate = None;
            }
        }
    }

    /// Judges an RTP packet by its source.
    pub(crate) fn handle_rtp(
        &mut self,
        source: SocketAddr,
        header: &Header,
        now: Instant,
    ) -> Verdict {
        let Some(signalled) = &self.signalled else {
            return Verdict::Stranger;
        };
        let source = canonical(source);
        if source == canonical(signalled.remote.rtp) {
            return self.accept(source, header, now);
        }
        match &self.heard {
            Some(heard) if heard.rtp == source => self.accept(source, header, now),
            Some(heard) if heard.is_continued_by(header, now) => {
                self.try_out(source, header, Duration::ZERO, now)
            }
            Some(_) => Verdict::Stranger,
            None if now.saturating_duration_since(signalled.at) <= LEARNING => {
                let patience = patience(source.ip(), canonical(signalled.remote.rtp).ip());
                self.try_out(source, header, patience, now)
            }
            None => Verdict::Stranger,
        }
    }

    fn accept(&mut self, source: SocketAddr, header: &Header, now: Instant) -> Verdict {
        self.candidate = None;
        match self.heard.as_mut().filter(|heard| heard.rtp == source) {
            Some(heard) => {
                if heard.ssrc != header.ssrc || header.sequence.since(heard.newest) > 0 {
                    heard.newest = header.sequence;
                }
                heard.ssrc = header.ssrc;
                heard.at = now;
                Verdict::Accept
            }
            None => {
                let (ssrc, newest) = (header.ssrc, header.sequence);
                self.heard = Some(Heard {
                    rtp: source,
                    rtcp: None,
                    ssrc,
                    newest,
                    at: now,
                });
                Verdict::Accept
            }
        }
    }

    /// Lets a source prove itself.
    fn try_out(
        &mut self,
        source: SocketAddr,
        header: &Header,
        patience: Duration,
        now: Instant,
    ) -> Verdict {
        let signalled_ip = self
            .signalled
            .as_ref()
            .map(|s| canonical(s.remote.rtp).ip());
        let preferred = signalled_ip == Some(source.ip());
        let candidate = match self.candidate.take() {
            Some(known) if known.holds_its_place(source, preferred, now) => known,
            Some(_) | None => Candidate::new(source, preferred, header, now),
        };
        let candidate = self.candidate.insert(candidate);
        if candidate.handle_packet(source, header, now) && candidate.lasted(now) >= patience {
            self.accept(source, header, now);
            return Verdict::Learned;
        }
        Verdict::Stranger
    }

    /// Judges an RTCP packet by its source: the signalled one, or the machine that sends the RTP.
    /// No RTP address is ever learned from it.
    pub(crate) fn handle_rtcp(&mut self, source: SocketAddr) -> bool {
        let source = canonical(source);
        if let Some(heard) = self
            .heard
            .as_mut()
            .filter(|heard| heard.rtp.ip() == source.ip())
        {
            heard.rtcp = Some(source);
            return true;
        }
        let Some(signalled) = &mut self.signalled else {
            return false;
        };
        let known = signalled
            .remote
            .rtcp
            .is_some_and(|rtcp| canonical(rtcp) == source);
        if known {
            // Whoever reports is there.
            signalled.budget = signalled.budget.max(self.unheard_budget);
            signalled.reports = true;
        }
        known
    }

    /// Whether the phone has ever been heard at all where it is now.
    #[must_use]
    pub(crate) fn is_heard(&self) -> bool {
        self.heard.is_some()
            || self
                .signalled
                .as_ref()
                .is_some_and(|signalled| signalled.reports)
    }

    /// The machine that was heard, or has reported, from where it is now.
    #[must_use]
    pub(crate) fn heard_from(&self) -> Option<IpAddr> {
        if let Some(heard) = &self.heard {
            return Some(heard.rtp.ip());
        }
        let signalled = self.signalled.as_ref()?;
        let rtcp = signalled.remote.rtcp.filter(|_| signalled.reports)?;
        Some(canonical(rtcp).ip())
    }

    /// This machine is part of the call: if it was named, it may be sent as much as there is.
    pub(crate) fn vouch_for(&mut self, machine: IpAddr) {
        if let Some(signalled) = &mut self.signalled
            && canonical(signalled.remote.rtp).ip() == machine
        {
            signalled.budget = u64::MAX;
        }
    }

    /// Where the next RTP packet, of so many bytes, is to be sent, if anywhere.
    pub(crate) fn rtp_destination(&mut self, length: usize) -> Option<SocketAddr> {
        let signalled = self
            .signalled
            .as_mut()
            .filter(|signalled| signalled.sending)?;
        match &self.heard {
            Some(heard) => Some(heard.rtp),
            None => {
                if signalled.budget != u64::MAX {
                    signalled.budget = signalled.budget.checked_sub(length as u64)?;
                }
                Some(signalled.remote.rtp)
            }
        }
    }

    /// Where RTCP is to be sent, if anywhere.
    #[must_use]
    pub(crate) fn rtcp_destination(&self) -> Option<SocketAddr> {
        let signalled = self
            .signalled
            .as_ref()
            .filter(|signalled| signalled.sending)?;
        match &self.heard {
            Some(heard) if signalled.remote.mux => Some(heard.rtp),
            // Learned: what was signalled is not where it is.
            Some(heard) if heard.rtp != canonical(signalled.remote.rtp) => heard.rtcp,
            Some(_) => signalled.remote.rtcp,
            None if signalled.budget < SPENT => None,
            None => signalled.remote.rtcp,
        }
    }
}

impl Heard {
    /// Whether a packet from elsewhere may be this source's.
    fn is_continued_by(&self, header: &Header, now: Instant) -> bool {
        now.saturating_duration_since(self.at) >= GONE
            && header.ssrc == self.ssrc
            && (1..MAX_LEAP).contains(&header.sequence.since(self.newest))
    }
}

/// How long a source must prove itself. Not at all where it is the signalled machine by another
/// port, or where the signalled address is behind a NAT that the source is in front of.
fn patience(source: IpAddr, signalled: IpAddr) -> Duration {
    if source == signalled || (is_private(signalled) && !is_private(source)) {
        Duration::ZERO
    } else {
        PATIENCE
    }
}

/// An IPv4 address that came by an IPv6 socket is the same address.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
