//! Calls that are handed over: the right one is called, the right call is replaced, and who
//! asked for it is told the truth, once, in time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::calls::{APART, Calls, End};
use crate::command::Command;
use crate::event::{Event, SessionEvent};
use crate::message::Uri;
use crate::refer::{OUTCOME_LIMIT, ReferProgress, Referral};

/// How long a REFER may be without its end: what it takes to be accepted, and then the
/// outcome, which may be told after all has been waited for.
const MARGIN: Duration = Duration::from_secs(100);

#[derive(Default)]
pub(super) struct Transfers {
    /// REFERs whose end has not been told. One at a time is sent, others are refused at once.
    open: BTreeMap<End, Vec<Instant>>,
    /// What was said of a call that a REFER had asked for.
    said: BTreeMap<End, Vec<u16>>,
    /// Calls that REFERs asked for.
    placed: BTreeMap<End, Referral>,
    /// Calls that came in, and whose place they take.
    incoming: BTreeMap<End, Option<End>>,
}

impl Transfers {
    pub(super) fn commanded(&mut self, agent: usize, command: &Command, now: Instant) {
        match command {
            Command::Refer { session, .. } => {
                self.open.entry((agent, *session)).or_default().push(now);
            }
            Command::InviteReferred {
                session, referral, ..
            } => {
                self.placed.insert((agent, *session), referral.clone());
            }
            Command::NotifyRefer { session, status } => {
                let said = self.said.entry((agent, *session)).or_default();
                said.push(status.code);
            }
            _ => {}
        }
    }

    pub(super) fn told(&mut self, agent: usize, event: &Event, calls: &Calls, now: Instant) {
        match event {
            Event::Incoming {
                session, replaces, ..
            } => {
                let replaces = replaces.map(|old| (agent, old));
                self.incoming.insert((agent, *session), replaces);
            }
            Event::Session {
                session,
                event: SessionEvent::ReferProgress(progress),
            } => self.progress((agent, *session), progress, calls, now),
            _ => {}
        }
    }

    fn progress(&mut self, end: End, progress: &ReferProgress, calls: &Calls, now: Instant) {
        let open = self.open.entry(end).or_default();
        assert!(!open.is_empty(), "{progress:?} in {end:?}: nobody asked");
        let ReferProgress::Done(status) = progress else {
            return;
        };
        let asked = match status.code {
            491 => open.pop().unwrap_or(now),
            _ => open.remove(0),
        };
        let took = now - asked;
        assert!(
            took < OUTCOME_LIMIT + MARGIN,
            "{end:?}: told after {took:?}"
        );
        if (200..300).contains(&status.code) && status.code != 202 {
            let mut others = calls.others(end);
            let is_true = others.any(|other| {
                let said = self.said.get(&other).into_iter().flatten();
                said.into_iter().any(|code| *code == status.code)
            });
            assert!(is_true, "{end:?} is told {status}, which nobody said");
        }
    }

    /// Who was called in the end, and in whose place. `names`: whose agent each is.
    pub(super) fn at_the_end(&self, names: &[String], calls: &Calls) {
        let open = self.open.iter();
        let open = open.flat_map(|(end, open)| open.iter().map(move |asked| (end, asked)));
        for (end, asked) in open {
            let limit = *asked + OUTCOME_LIMIT + MARGIN;
            let is_over = calls.ended(*end).is_some_and(|ended| ended < limit);
            assert!(is_over, "{end:?} never heard what came of its REFER");
        }
        for (new, referral) in &self.placed {
            for called in calls.others(*new) {
                self.is_meant(called, referral, names, calls);
            }
        }
        for (new, old) in &self.incoming {
            if let (Some(old), Some(answered)) = (old, calls.answered(*new)) {
                let ended = calls.ended(*old);
                let is_over = ended.is_some_and(|ended| ended < answered + APART);
                assert!(is_over, "{new:?} is answered, and {old:?} goes on");
            }
        }
    }

    fn is_meant(&self, called: End, referral: &Referral, names: &[String], calls: &Calls) {
        let target = Uri::parse(&referral.target).ok();
        let user = target.as_ref().and_then(Uri::user);
        assert_eq!(user, Some(names[called.0].as_str()), "{called:?} was meant");
        let old = self.incoming.get(&called).copied().flatten();
        let of = old.and_then(|old| calls.call_id(old));
        let meant = referral.replaces.as_ref();
        let meant = meant.map(|replaces| replaces.call_id.as_str());
        assert_eq!(of, meant, "{called:?} takes the place of {old:?}");
    }

    /// How many calls that somebody had asked for were answered, and how many of them took
    /// the place of another.
    pub(super) fn answered(&self, calls: &Calls) -> (u32, u32) {
        let answered = self.placed.iter();
        let answered = answered.filter(|(new, _)| calls.answered(**new).is_some());
        answered.fold((0, 0), |(all, replacing), (_, referral)| {
            (all + 1, replacing + u32::from(referral.replaces.is_some()))
        })
    }
}
