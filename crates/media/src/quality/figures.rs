//! What two legs have counted, put together by the way that sound takes: from the browser to the
//! phone, and back.

use std::time::Duration;

use super::level::Dbov;
use super::mos::{Impairment, mos, rating};
use super::sound::Sound;
use super::verdict::ENOUGH;
use crate::codec::AudioCodec;
use crate::event::{Dropped, LegStats, Link, Way};

/// What a packet waits for before it is one, and codecs look ahead (RFC 3551 §4.2; RFC 6716 §2.1.4
/// adds little).
const PACKETISATION: Duration = Duration::from_millis(20);
/// The least that receivers hold packets back against jitter.
const LEAST_BUFFER: Duration = Duration::from_millis(20);

/// Both ways of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallFigures {
    /// From the browser to the phone.
    pub to_phone: WayFigures,
    /// From the phone to the browser.
    pub to_browser: WayFigures,
}

/// One way of a call. Counters are since the call began, or since an earlier look
/// ([`CallFigures::since`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WayFigures {
    /// Whether plan and gate let it pass.
    pub way: Way,
    /// How far the leg has come that it begins at.
    pub link: Link,
    /// What is spoken at its beginning.
    pub codec: Option<AudioCodec>,
    /// RTP packets that came.
    pub received: u64,
    /// RTP packets that were sent on.
    pub sent: u64,
    /// RTP packets lost before they came here.
    pub lost: u64,
    /// RTP packets lost on the whole way, as the receiver says.
    pub lost_at_end: u64,
    /// Interarrival jitter here.
    pub jitter: Duration,
    /// Interarrival jitter at the receiver, as it says.
    pub jitter_at_end: Duration,
    /// Round trips on the leg it begins at and the one it ends at, as far as they are known.
    pub round_trip: Option<Duration>,
    /// How loud it was.
    pub sound: Sound,
    /// For how long nothing has come, though it might have.
    pub absent: Duration,
    /// For how long nothing but silence has come, as far as that can be told.
    pub silent: Duration,
    /// What was thrown away where it begins.
    pub dropped: Dropped,
}

impl CallFigures {
    /// By what the legs tell.
    #[must_use]
    pub fn new(browser: &LegStats, phone: &LegStats) -> Self {
        Self {
            to_phone: WayFigures::new(browser, phone),
            to_browser: WayFigures::new(phone, browser),
        }
    }

    /// What has happened since `earlier`; what is no counter is as it is now.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            to_phone: self.to_phone.since(&earlier.to_phone),
            to_browser: self.to_browser.since(&earlier.to_browser),
        }
    }
}

impl WayFigures {
    fn new(from: &LegStats, to: &LegStats) -> Self {
        Self {
            way: from.way,
            link: from.link,
            codec: from.codec,
            received: from.received.packets,
            sent: to.sent.packets,
            lost: from.lost,
            lost_at_end: to.lost_at_peer,
            jitter: from.jitter,
            jitter_at_end: to.jitter_at_peer,
            round_trip: match (from.round_trip, to.round_trip) {
                (Some(here), Some(there)) => Some(here + there),
                (one, other) => one.or(other),
            },
            sound: from.sound,
            absent: from.absent,
            silent: from.silent,
            dropped: from.dropped,
        }
    }

    fn since(&self, earlier: &Self) -> Self {
        Self {
            received: self.received.saturating_sub(earlier.received),
            sent: self.sent.saturating_sub(earlier.sent),
            lost: self.lost.saturating_sub(earlier.lost),
            lost_at_end: self.lost_at_end.saturating_sub(earlier.lost_at_end),
            sound: self.sound.since(&earlier.sound),
            dropped: self.dropped.since(&earlier.dropped),
            ..*self
        }
    }

    /// Packets that should have come here.
    #[must_use]
    pub fn expected(&self) -> u64 {
        self.received.saturating_add(self.lost)
    }

    /// The part of all packets that did not reach the receiver, 0 to 1: what was lost before it
    /// came here, or all the way if the receiver says that it was more. It sees our gaps, too.
    #[must_use]
    pub fn loss(&self) -> f64 {
        let here = part(self.lost as f64, self.expected() as f64);
        if self.received == 0 {
            return here;
        }
        // Our gaps are its gaps; but where audio is transcoded, other numbers leave than come.
        let passed_on = self.sent as f64 / self.received as f64;
        here.max(part(
            self.lost_at_end as f64,
            passed_on * self.expected() as f64,
        ))
    }

    /// From mouth to ear, one way: half of the round trips, a packet's time, and what a receiver
    /// holds back against this much jitter.
    #[must_use]
    pub fn delay(&self) -> Duration {
        let network = self.round_trip.unwrap_or_default() / 2;
        let buffer = 2 * self.jitter.max(self.jitter_at_end);
        network + PACKETISATION + buffer.max(LEAST_BUFFER)
    }

    /// Whether most of what comes has payload types that were not agreed on.
    pub(super) fn is_mostly_unplanned(&self) -> bool {
        self.dropped.unplanned >= ENOUGH && self.dropped.unplanned > self.received / 2
    }

    /// An estimate of the mean opinion score, 1 to 4.5; `None` where nothing has come, or nothing
    /// that could be passed on.
    #[must_use]
    pub fn mos(&self) -> Option<f64> {
        let impairment = Impairment::of(self.codec?);
        let heard = self.received > 0 && !self.is_mostly_unplanned();
        heard.then(|| mos(rating(impairment, self.delay(), self.loss())))
    }

    /// How loud it was on average, if that is known.
    #[must_use]
    pub fn level(&self) -> Option<Dbov> {
        self.sound.level()
    }

    /// Packets that no key of ours opened.
    #[must_use]
    pub fn srtp_failures(&self) -> u64 {
        self.dropped.unauthentic
    }
}

impl Dropped {
    fn since(&self, earlier: &Self) -> Self {
        Self {
            malformed: self.malformed.saturating_sub(earlier.malformed),
            unauthentic: self.unauthentic.saturating_sub(earlier.unauthentic),
            replayed: self.replayed.saturating_sub(earlier.replayed),
            unknown_ssrc: self.unknown_ssrc.saturating_sub(earlier.unknown_ssrc),
            unknown_source: self.unknown_source.saturating_sub(earlier.unknown_source),
            not_open: self.not_open.saturating_sub(earlier.not_open),
            unplanned: self.unplanned.saturating_sub(earlier.unplanned),
            send_failed: self.send_failed.saturating_sub(earlier.send_failed),
        }
    }
}

/// None, if there was nothing to lose; nor does anybody lose more than that, whatever he counts.
fn part(lost: f64, of: f64) -> f64 {
    if lost > of || of == 0.0 {
        return 0.0;
    }
    lost / of
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Flow;

    fn leg(received: u64, lost: u64, sent: u64, lost_at_peer: u64) -> LegStats {
        let flow = |packets| Flow {
            packets,
            bytes: packets * 172,
        };
        LegStats {
            received: flow(received),
            sent: flow(sent),
            lost,
            lost_at_peer,
            codec: Some(AudioCodec::Pcmu),
            ..LegStats::default()
        }
    }

    #[test]
    fn a_way_begins_at_one_leg_and_ends_at_the_other() {
        let browser = leg(90, 10, 200, 0);
        let phone = leg(200, 0, 90, 20);
        let figures = CallFigures::new(&browser, &phone);
        let to_phone = figures.to_phone;
        assert_eq!((to_phone.received, to_phone.sent), (90, 90));
        assert!((to_phone.loss() - 0.2).abs() < 1e-9);
        assert_eq!(figures.to_browser.sent, 200);
        assert!(figures.to_browser.mos() > to_phone.mos());
    }

    #[test]
    fn a_receiver_of_shorter_packets_is_asked_for_its_own_part() {
        // 60 ms came, 20 ms left, two in a hundred were lost.
        let figures = CallFigures::new(&leg(0, 0, 3_000, 60), &leg(1_000, 0, 0, 0));
        assert!((figures.to_browser.loss() - 0.02).abs() < 1e-9);
        let figures = CallFigures::new(&leg(0, 0, 1_000, 20), &leg(3_000, 0, 0, 0));
        assert!((figures.to_browser.loss() - 0.02).abs() < 1e-9);
    }

    #[test]
    fn a_receiver_that_counts_nonsense_is_not_believed() {
        let figures = CallFigures::new(&leg(100, 0, 0, 0), &leg(0, 0, 100, 0x7f_ffff));
        assert!(figures.to_phone.loss() < 1e-9);
        assert_eq!(figures.to_browser.mos(), None);
    }

    #[test]
    fn what_was_before_is_taken_off() {
        let before = CallFigures::new(&leg(1_000, 500, 0, 0), &leg(0, 0, 1_000, 500));
        let after = CallFigures::new(&leg(1_250, 500, 0, 0), &leg(0, 0, 1_250, 500));
        let window = after.since(&before).to_phone;
        assert_eq!((window.received, window.lost), (250, 0));
        assert!(window.loss() < 1e-9 && after.to_phone.loss() > 0.2);
    }

    #[test]
    fn delay_is_the_round_trips_a_packet_and_a_buffer() {
        let trip = |millis| LegStats {
            round_trip: Some(Duration::from_millis(millis)),
            jitter: Duration::from_millis(30),
            ..leg(100, 0, 100, 0)
        };
        let figures = CallFigures::new(&trip(100), &trip(60));
        assert_eq!(figures.to_phone.delay(), Duration::from_millis(160));
    }
}
