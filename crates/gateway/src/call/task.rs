//! The task of one call: performs what [`Call`] decides, on the user agent and on the legs.
//!
//! It waits for nothing but its own mailbox and the call's deadline. Whatever ends it, a panic
//! included, the legs are closed, the SIP session is hung up and the client has been told.

mod perform;

use std::collections::BTreeMap;
use std::time::Duration;

use media::quality::CallFigures;
use sip_stack::account::SessionId;
use sip_stack::command::Command;
use sip_stack::event::SessionEvent;
use tokio::time::Instant;

use super::ends::{Ends, log};
use super::legs::Look;
use super::quality::Watcher;
use super::{
    Call, CallCommand, CallMailbox, Input, Legs, PhoneLegId, Switchboard, ToCall, stats::Stats,
};
use crate::account::Seat;
use crate::client::ClientLink;
use crate::directory::SessionRoute;
use crate::ledger::Entry;
use crate::metrics::Metrics;

/// How long the task waits for the last counters of its legs.
const STATS_WAIT: Duration = Duration::from_secs(1);

/// A call together with everything its actions need.
#[derive(Debug)]
pub struct CallTask {
    call: Call,
    mailbox: CallMailbox,
    legs: Option<Legs>,
    ends: Ends,
    stats: Stats,
    watcher: Watcher,
    /// Counters of the legs that are on their way, and whether a report waits for them.
    look: Option<(Look, bool)>,
    metrics: Option<Metrics>,
    started: Instant,
    switchboard: Switchboard,
    /// Ways for the events of further phones.
    routes: BTreeMap<SessionId, SessionRoute>,
    /// The last leg towards a phone.
    last_leg: PhoneLegId,
    _entry: Entry,
    _seat: Option<Seat>,
}

impl CallTask {
    /// Ties a call to its session, legs and client.
    #[must_use]
    pub fn new(
        call: Call,
        mailbox: CallMailbox,
        legs: Legs,
        switchboard: Switchboard,
        client: ClientLink,
        entry: Entry,
    ) -> Self {
        let session = call.session;
        Self {
            call,
            mailbox,
            legs: Some(legs),
            ends: Ends::new(session, switchboard.sip.clone(), client),
            stats: Stats::new(),
            watcher: Watcher::default(),
            look: None,
            metrics: None,
            started: Instant::now(),
            switchboard,
            routes: BTreeMap::new(),
            last_leg: PhoneLegId::FIRST,
            _entry: entry,
            _seat: None,
        }
    }

    /// The same, counted among the calls of its account until it ends.
    #[must_use]
    pub fn seated(mut self, seat: Option<Seat>) -> Self {
        self._seat = seat;
        self
    }

    /// The same, told to the daemon's metrics.
    #[must_use]
    pub fn measured(mut self, metrics: Metrics) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// Runs the call to its end. A call is mostly waiting: what its task holds is boxed once, and
    /// what it does now and then is boxed while it is done.
    pub fn run(self) -> impl Future<Output = ()> + Send {
        Box::new(self).run_boxed()
    }

    async fn run_boxed(mut self: Box<Self>) {
        loop {
            while let Some(action) = self.call.poll_action() {
                Box::pin(self.perform(action)).await;
            }
            self.tend_video();
            if self.call.is_ended() {
                break;
            }
            let deadline = self.call.poll_timeout();
            let next_look = self.next_look();
            tokio::select! {
                item = self.mailbox.receiver.recv() => {
                    let item = item.expect("the mailbox keeps a sender of its own");
                    self.take(*item);
                }
                input = self.mailbox.leg_events.recv() => {
                    let input = input.expect("the mailbox keeps a sender of its own");
                    self.take(ToCall::Input(*input));
                }
                () = sleep_until(deadline) => self.call.handle_timeout(now()),
                () = sleep_until(next_look) => self.look(),
                figures = figures(&mut self.look) => self.take_figures(figures),
            }
        }
        Box::pin(self.refuse_latecomers()).await;
        Box::pin(self.ends.hang_up_rest()).await;
        self.legs = None;
        Box::pin(self.collect_stats()).await;
        self.stats.log(self.started.elapsed());
        if let Some(metrics) = &self.metrics {
            metrics.call_ended(&self.stats.figures(), self.stats.verdict());
            metrics.video_ended(&self.stats.video());
        }
    }

    /// The call is over: a phone that was to take another one's place hears so at once.
    async fn refuse_latecomers(&mut self) {
        self.mailbox.receiver.close();
        while let Ok(item) = self.mailbox.receiver.try_recv() {
            if let ToCall::Replacement(late, _) = *item {
                let gone = Command::Reject {
                    session: late.session,
                    code: 481,
                    reason: None,
                };
                self.ends.sip.command(gone).await;
            }
        }
    }

    fn take(&mut self, item: ToCall) {
        match item {
            ToCall::Command(command, reply) => {
                if let CallCommand::Update { sdp } = &command {
                    self.prepare_video(sdp.as_bytes());
                }
                let result = self.call.handle_command(command, now());
                if reply.send(result).is_err() {
                    tracing::debug!("the client did not wait for the answer");
                }
            }
            ToCall::Input(input) => {
                match &input {
                    Input::Sip(_, SessionEvent::Sent { call_id }) => {
                        tracing::Span::current().record("dialog", tracing::field::display(call_id));
                    }
                    Input::Sip(session, SessionEvent::Ended { .. }) => {
                        self.ends.sessions.remove(session);
                        self.routes.remove(session);
                    }
                    Input::Sip(..)
                    | Input::Browser(_)
                    | Input::Phone(..)
                    | Input::Replacement { .. }
                    | Input::CandidateOpened { .. }
                    | Input::CandidateRefused(_)
                    | Input::Transferred
                    | Input::MediaRefused(_)
                    | Input::Video(_)
                    | Input::VideoLeg(_)
                    | Input::ClientTakesUpdates
                    | Input::ClientAnswersUpdates
                    | Input::ClientTakesKeys
                    | Input::ClientLost
                    | Input::Stop => {}
                }
                if let Input::Sip(_, SessionEvent::Reinvite { sdp: Some(sdp) }) = &input {
                    self.prepare_video(sdp);
                }
                self.stats.note(&input);
                self.call.handle(input, now());
            }
            ToCall::Replacement(replacement, route) => {
                self.routes.insert(replacement.session, route);
                self.ends.sessions.insert(replacement.session);
                self.call.handle(Input::Replacement(replacement), now());
            }
            ToCall::Watch(watch) => self.watcher.handle_watch(watch, now()),
            ToCall::AskPhone(reply) => {
                if reply.send(self.call.phone()).is_err() {
                    tracing::debug!("nobody waits for the answer");
                }
            }
        }
    }

    /// When the legs are to be asked how the call sounds, unless they are being asked.
    fn next_look(&self) -> Option<std::time::Instant> {
        self.legs.as_ref()?;
        match &self.look {
            None => self.watcher.poll_timeout(),
            Some(_) => None,
        }
    }

    fn look(&mut self) {
        let report = self.watcher.report_is_due(now());
        self.watcher.handle_asked(now());
        match self.legs.as_ref().map(Legs::look) {
            Some(Ok(look)) => self.look = Some((look, report)),
            // A worker that is busy is asked another time.
            Some(Err(error)) => tracing::debug!(%error, "no figures of the call"),
            None => {}
        }
    }

    fn take_figures(&mut self, (figures, report): (Option<CallFigures>, bool)) {
        let Some(figures) = figures else {
            return;
        };
        for event in self.watcher.handle_figures(figures, report, now()) {
            log(&event);
            if self.ends.tell(event).is_err() {
                self.call.handle(Input::ClientLost, now());
            }
        }
    }

    async fn collect_stats(&mut self) {
        let all = async {
            while !self.stats.is_complete() {
                match self.mailbox.leg_events.recv().await {
                    Some(input) => self.stats.note(&input),
                    None => return,
                }
            }
        };
        if tokio::time::timeout(STATS_WAIT, all).await.is_err() {
            tracing::debug!("a leg did not tell its counters");
        }
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// What the legs tell when they were asked, and whether a report waits for it.
async fn figures(asked: &mut Option<(Look, bool)>) -> (Option<CallFigures>, bool) {
    let Some((look, report)) = asked else {
        return std::future::pending().await;
    };
    let told = (look.figures().await, *report);
    *asked = None;
    told
}

async fn sleep_until(deadline: Option<std::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
