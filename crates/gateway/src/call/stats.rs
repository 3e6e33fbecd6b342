//! The last counters of a call's legs, for the line that the log has of it.

use std::fmt;
use std::time::Duration;

use media::quality::{CallFigures, Cause, Toward, Verdict, WayFigures, verdict};
use media::{LegEvent, LegStats, VideoStats, Way};

use super::Input;

/// What the legs of a call have counted.
#[derive(Debug)]
pub(super) struct Stats {
    browser: Option<LegStats>,
    phones: Vec<LegStats>,
    /// Of all legs for video, added.
    video: VideoStats,
    /// Legs towards phones that have been opened.
    opened: usize,
    accepted: bool,
}

impl Stats {
    /// Of a call that begins, with one leg towards a phone.
    pub(super) fn new() -> Self {
        Self {
            browser: None,
            phones: Vec::new(),
            video: VideoStats::default(),
            opened: 1,
            accepted: false,
        }
    }

    /// One more leg towards a phone will tell its counters.
    pub(super) fn expect_phone(&mut self) {
        self.opened += 1;
    }

    pub(super) fn note(&mut self, input: &Input) {
        match input {
            Input::Browser(LegEvent::Stats(stats)) => self.browser = Some(**stats),
            Input::Phone(_, LegEvent::Stats(stats)) => self.phones.push(**stats),
            Input::Video(LegEvent::Stats(stats)) => self.video.add(&VideoStats::from(&**stats)),
            Input::Browser(_)
            | Input::Phone(..)
            | Input::Video(_)
            | Input::Sip(..)
            | Input::Replacement { .. }
            | Input::CandidateOpened { .. }
            | Input::CandidateRefused(_)
            | Input::Transferred
            | Input::MediaRefused(_)
            | Input::VideoLeg(_)
            | Input::ClientTakesUpdates
            | Input::ClientAnswersUpdates
            | Input::ClientTakesKeys
            | Input::ClientLost
            | Input::Stop => {}
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.browser.is_some() && self.phones.len() >= self.opened
    }

    /// Both sides have accepted the call.
    pub(super) fn accepted(&mut self) {
        self.accepted = true;
    }

    /// Both ways of the whole call. Of several phones one after the other, the counters are added;
    /// the rest is that of the last one that took part.
    pub(super) fn figures(&self) -> CallFigures {
        let browser = self.browser.unwrap_or_default();
        let sum = |count: fn(&LegStats) -> u64| self.phones.iter().map(count).sum::<u64>();
        let mut took_part = self.phones.iter().rev();
        let last = took_part.find(|leg| leg.way != Way::Unplanned);
        let mut phone = last.copied().unwrap_or_default();
        phone.received.packets = sum(|leg| leg.received.packets);
        phone.sent.packets = sum(|leg| leg.sent.packets);
        phone.lost = sum(|leg| leg.lost);
        phone.lost_at_peer = sum(|leg| leg.lost_at_peer);
        CallFigures::new(&browser, &phone)
    }

    /// What came of the call's video, from either side.
    pub(super) fn video(&self) -> VideoFigures {
        VideoFigures {
            from_browser: self.browser.and_then(|leg| leg.video).unwrap_or_default(),
            from_phone: self.video,
        }
    }

    /// What is to be said of them. Nothing is, of a call that nobody took.
    pub(super) fn verdict(&self) -> Verdict {
        if self.accepted {
            verdict(&self.figures())
        } else {
            Verdict {
                cause: Cause::NotStarted,
                toward: Toward::Both,
            }
        }
    }

    /// The one line that the log has of a call that is over.
    pub(super) fn log(&self, duration: Duration) {
        let CallFigures {
            to_phone,
            to_browser,
        } = self.figures();
        let verdict = self.verdict();
        tracing::info!(
            seconds = duration.as_secs(),
            verdict = verdict.cause.token(),
            direction = verdict.toward.token(),
            from_browser = to_phone.received,
            to_phone = to_phone.sent,
            from_phone = to_browser.received,
            to_browser = to_browser.sent,
            lost_from_browser = to_phone.lost,
            lost_from_phone = to_browser.lost,
            ways = %format_args!("to phone: {}; to browser: {}{}", Figures(&to_phone), Figures(&to_browser), self.video()),
            "call ended"
        );
    }
}

/// What came of a call's video.
#[derive(Debug, Clone, Copy, Default)]
pub struct VideoFigures {
    /// To the phone, as the browser leg counts.
    pub from_browser: VideoStats,
    /// To the browser, as the phone legs count.
    pub from_phone: VideoStats,
}

impl fmt::Display for VideoFigures {
    /// Nothing of a call without video.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (way, from) in [("phone", &self.from_browser), ("browser", &self.from_phone)] {
            let (packets, lost) = (from.received.packets, from.lost);
            if packets > 0 {
                write!(f, "; video to {way}: {packets} packets, {lost} lost before")?;
            }
        }
        Ok(())
    }
}

/// A way's figures for people.
struct Figures<'a>(&'a WayFigures);

impl fmt::Display for Figures<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = self.0;
        if let Some(codec) = way.codec {
            write!(f, "{codec}, ")?;
        }
        write!(f, "{:.1} % lost", way.loss() * 100.0)?;
        write!(f, ", jitter {:.1} ms", millis(way.jitter))?;
        if let Some(trip) = way.round_trip {
            write!(f, ", round trip {:.0} ms", millis(trip))?;
        }
        if let Some(level) = way.level() {
            write!(f, ", {level}")?;
        }
        if let Some(mos) = way.mos() {
            write!(f, ", MOS {mos:.2}")?;
        }
        let dropped = &way.dropped;
        for (count, what) in [
            (dropped.unauthentic, "not opened by the key"),
            (dropped.unknown_source, "from elsewhere"),
            (dropped.unknown_ssrc, "of unknown streams"),
            (dropped.unplanned, "of other payload types"),
            (dropped.malformed, "malformed"),
            (dropped.replayed, "repeated"),
            (dropped.send_failed, "not sent"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
