//! Watches how a call sounds, for clients that want to know: figures every so often, and a word
//! when somebody does not hear what he should.
//!
//! Pure. The task asks the legs for their figures when [`Watcher::poll_timeout`] says so, and only
//! for calls that both sides have accepted. What a verdict is, [`media::quality`] knows; here it
//! is decided which one is worth a word.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use media::Way;
use media::quality::{CallFigures, Cause, Toward, Verdict, WayFigures, verdict};

use super::{CallEvent, Watch};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(2);
/// A verdict is about the looks of so long: this and the one before the last three.
const WINDOW: usize = 4;
/// Bad verdicts in a row until the client is told: a fault that comes and goes is none.
const INSISTENT: u32 = 2;
/// Nobody is told of a call that has only begun.
const SETTLING: Duration = Duration::from_secs(5);
/// Who listens is silent, too; who was heard before may be so for this long.
const LISTENING: Duration = Duration::from_secs(20);

/// The watcher of one call.
#[derive(Debug, Default)]
pub(super) struct Watcher {
    wants: Wants,
    /// When both sides had accepted, and what was counted lately.
    running: Option<Running>,
}

/// What the client wants to be told.
#[derive(Debug, Default)]
struct Wants {
    trouble: bool,
    interval: Option<Duration>,
}

#[derive(Debug)]
struct Running {
    since: Instant,
    next_look: Instant,
    /// When the next report is due, of those that were asked for.
    next_report: Option<Instant>,
    /// Figures of the last looks, the newest last.
    looks: VecDeque<CallFigures>,
    /// Those of the last report.
    reported: CallFigures,
    /// A bad verdict, and how often it has been found in a row.
    suspicion: Option<(Verdict, u32)>,
    /// What the client was told last.
    told: Option<Verdict>,
}

impl Watcher {
    /// The client wants to be told something else.
    pub(super) fn handle_watch(&mut self, watch: Watch, now: Instant) {
        match watch {
            Watch::Trouble => self.wants.trouble = true,
            Watch::Report(interval) => {
                self.wants.interval = interval;
                if let Some(running) = &mut self.running {
                    running.next_report = interval.map(|interval| now + interval);
                }
            }
        }
    }

    /// Both sides have accepted the call.
    pub(super) fn handle_accepted(&mut self, now: Instant) {
        let interval = self.wants.interval;
        self.running.get_or_insert_with(|| Running {
            since: now,
            next_look: now,
            next_report: interval.map(|interval| now + interval),
            looks: VecDeque::new(),
            reported: CallFigures::default(),
            suspicion: None,
            told: None,
        });
    }

    /// When the legs are to be asked.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let running = self.running.as_ref()?;
        let look = self.wants.trouble.then_some(running.next_look);
        look.into_iter().chain(running.next_report).min()
    }

    /// The legs are being asked: not again before it is time.
    pub(super) fn handle_asked(&mut self, now: Instant) {
        if let Some(running) = &mut self.running {
            running.next_look = now + LOOK;
            // A report that is due keeps being so, until the figures are there.
            running.next_report = running.next_report.map(|due| due.max(now + LOOK / 4));
        }
    }

    /// What the legs have counted, and whether a report was due when they were asked.
    pub(super) fn handle_figures(
        &mut self,
        figures: CallFigures,
        report: bool,
        now: Instant,
    ) -> Vec<CallEvent> {
        let Some(running) = &mut self.running else {
            return Vec::new();
        };
        let mut events = Vec::new();
        if self.wants.trouble {
            events.extend(running.trouble(figures, now).map(CallEvent::MediaTrouble));
        }
        if let Some(interval) = self.wants.interval.filter(|_| report) {
            let since = figures.since(&running.reported);
            running.reported = figures;
            running.next_report = Some(now + interval);
            events.push(CallEvent::Quality(Box::new(since), verdict(&since)));
        }
        events
    }

    /// Whether a report is due.
    pub(super) fn report_is_due(&self, now: Instant) -> bool {
        let due = self
            .running
            .as_ref()
            .and_then(|running| running.next_report);
        due.is_some_and(|due| due <= now)
    }
}

impl Running {
    /// What the client has to be told, if anything.
    fn trouble(&mut self, figures: CallFigures, now: Instant) -> Option<Verdict> {
        let lately = match self.looks.front() {
            Some(earlier) => figures.since(earlier),
            None => figures,
        };
        if self.looks.len() == WINDOW {
            self.looks.pop_front();
        }
        self.looks.push_back(figures);
        if now < self.since + SETTLING {
            return None;
        }
        let found = verdict(&lately);
        if !is_trouble(found, &lately) {
            self.suspicion = None;
            let over = if found.cause.is_bad() { GOOD } else { found };
            return self.told.take().map(|_| over);
        }
        let times = match self.suspicion {
            Some((before, times)) if before == found => times.saturating_add(1),
            Some(_) | None => 1,
        };
        self.suspicion = Some((found, times));
        if times < INSISTENT || self.told == Some(found) {
            return None;
        }
        self.told = Some(found);
        Some(found)
    }
}

/// What is said at the end of a trouble, even if somebody only listens.
const GOOD: Verdict = Verdict {
    cause: Cause::Good,
    toward: Toward::Both,
};

/// Whether a verdict is worth a word. Silence is, where no sound was ever heard, or for long.
fn is_trouble(verdict: Verdict, figures: &CallFigures) -> bool {
    if verdict.cause == Cause::Silence {
        return is_mute(&figures.to_phone) || is_mute(&figures.to_browser);
    }
    verdict.cause.is_bad()
}

fn is_mute(way: &WayFigures) -> bool {
    match way.way {
        Way::Open(time) => {
            way.silent >= LISTENING || (way.silent >= SETTLING && way.silent + LOOK >= time)
        }
        Way::Unplanned | Way::Closed => false,
    }
}

#[cfg(test)]
#[allow(
    clippy::disallowed_methods,
    reason = "a starting point for virtual time"
)]
mod tests {
    use media::Link;

    use super::*;

    /// A call that is watched on virtual time.
    struct Watched {
        watcher: Watcher,
        now: Instant,
        since: Instant,
        figures: CallFigures,
    }

    impl Watched {
        fn accepted(watches: &[Watch]) -> Self {
            let now = Instant::now();
            let mut watcher = Watcher::default();
            for watch in watches {
                watcher.handle_watch(*watch, now);
            }
            watcher.handle_accepted(now);
            let mut figures = CallFigures::default();
            figures.to_phone.link = Link::Ready;
            Self {
                watcher,
                now,
                since: now,
                figures,
            }
        }

        /// Time passes; `change` says what is counted each second.
        fn passes(&mut self, seconds: u64, change: impl Fn(&mut CallFigures)) -> Vec<CallEvent> {
            let mut events = Vec::new();
            for _ in 0..seconds * 10 {
                self.now += Duration::from_millis(100);
                let open = Way::Open(self.now - self.since);
                self.figures.to_phone.way = open;
                self.figures.to_browser.way = open;
                if (self.now - self.since).as_millis().is_multiple_of(1_000) {
                    change(&mut self.figures);
                }
                if self
                    .watcher
                    .poll_timeout()
                    .is_some_and(|due| due <= self.now)
                {
                    let report = self.watcher.report_is_due(self.now);
                    self.watcher.handle_asked(self.now);
                    events.extend(self.watcher.handle_figures(self.figures, report, self.now));
                }
            }
            events
        }
    }

    fn both_speak(figures: &mut CallFigures) {
        for way in [&mut figures.to_phone, &mut figures.to_browser] {
            way.received += 50;
            way.absent = Duration::ZERO;
            way.silent = Duration::ZERO;
        }
    }

    fn phone_is_gone(figures: &mut CallFigures) {
        figures.to_phone.received += 50;
        figures.to_browser.absent += Duration::from_secs(1);
    }

    fn troubles(events: &[CallEvent]) -> Vec<Verdict> {
        let verdict = |event: &CallEvent| {
            if let CallEvent::MediaTrouble(verdict) = event {
                return Some(*verdict);
            }
            None
        };
        events.iter().filter_map(verdict).collect()
    }

    #[test]
    fn a_good_call_is_not_spoken_of() {
        let mut call = Watched::accepted(&[Watch::Trouble]);
        assert_eq!(call.passes(60, both_speak), []);
    }

    #[test]
    fn a_phone_that_falls_silent_is_told_once_and_its_return_too() {
        let mut call = Watched::accepted(&[Watch::Trouble]);
        call.passes(20, both_speak);
        assert_eq!(call.passes(5, phone_is_gone), []);
        let told = troubles(&call.passes(30, phone_is_gone));
        let expected = Verdict {
            cause: Cause::Nothing,
            toward: Toward::Browser,
        };
        assert_eq!(told, [expected]);
        let told = troubles(&call.passes(10, both_speak));
        assert_eq!(told.len(), 1);
        assert!(!told[0].cause.is_bad());
    }

    #[test]
    fn a_trouble_ends_well_even_if_one_side_only_listens_then() {
        let mut call = Watched::accepted(&[Watch::Trouble]);
        call.passes(20, both_speak);
        call.passes(30, phone_is_gone);
        let listens = |figures: &mut CallFigures| {
            let silent = figures.to_phone.silent;
            both_speak(figures);
            figures.to_phone.silent = silent + Duration::from_secs(1);
        };
        assert_eq!(troubles(&call.passes(15, listens)), [GOOD]);
    }

    #[test]
    fn loss_is_told_although_the_other_side_only_listens() {
        let mut call = Watched::accepted(&[Watch::Trouble]);
        call.passes(10, both_speak);
        let lossy = |figures: &mut CallFigures| {
            let silent = figures.to_phone.silent;
            both_speak(figures);
            figures.to_phone.silent = silent + Duration::from_secs(1);
            figures.to_browser.lost += 10;
        };
        let expected = Verdict {
            cause: Cause::Lossy,
            toward: Toward::Browser,
        };
        assert_eq!(troubles(&call.passes(18, lossy)), [expected]);
    }

    #[test]
    fn who_listens_for_a_while_is_not_mute() {
        let mut call = Watched::accepted(&[Watch::Trouble]);
        let listens = |figures: &mut CallFigures| {
            both_speak(figures);
            figures.to_phone.silent += Duration::from_secs(1);
        };
        call.passes(10, both_speak);
        let silent = |figures: &mut CallFigures| {
            let before = figures.to_phone.silent;
            listens(figures);
            figures.to_phone.silent = before + Duration::from_secs(1);
        };
        assert_eq!(call.passes(18, silent), []);
        assert_eq!(troubles(&call.passes(10, silent))[0].cause, Cause::Silence);
        let mut mute = Watched::accepted(&[Watch::Trouble]);
        assert_eq!(troubles(&mute.passes(12, silent))[0].cause, Cause::Silence);
    }

    #[test]
    fn reports_come_as_often_as_they_were_asked_for() {
        let interval = Some(Duration::from_secs(3));
        let mut call = Watched::accepted(&[Watch::Report(interval)]);
        let told = call.passes(31, both_speak);
        assert!((9..=10).contains(&told.len()), "{}", told.len());
        let CallEvent::Quality(figures, verdict) = &told[5] else {
            panic!("{told:?}");
        };
        assert!((100..=200).contains(&figures.to_phone.received));
        assert_eq!(verdict.cause, Cause::Good);
        call.watcher.handle_watch(Watch::Report(None), call.now);
        assert_eq!(call.passes(30, both_speak), []);
    }

    #[test]
    fn nobody_is_asked_before_the_call_is_accepted_or_unless_somebody_wants_to_know() {
        let now = Instant::now();
        let mut watcher = Watcher::default();
        watcher.handle_watch(Watch::Trouble, now);
        assert_eq!(watcher.poll_timeout(), None);
        let mut unwatched = Watcher::default();
        unwatched.handle_accepted(now);
        assert_eq!(unwatched.poll_timeout(), None);
    }
}
