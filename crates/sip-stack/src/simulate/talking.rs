//! What people do in an answered call: hold and resume, press keys, write texts, hand the call
//! to somebody else, and hang up in the end, or leave that to the other side.

use std::time::Instant;

use bytes::Bytes;
use rand::RngExt;

use super::users::{Moment, Users, hang_up};
use crate::account::SessionId;
use crate::command::Command;

impl Users {
    pub(super) fn talk(&mut self, agent: usize, session: SessionId, moment: &mut Moment<'_>) {
        for _ in 0..moment.rng.random_range(0..3) {
            let sdp = moment.sdp();
            let at = self.appointment(agent, session, true, 10.0, moment);
            self.at(at, agent, Command::Reinvite { session, sdp });
        }
        if moment.happens(30) {
            let info = Command::Info {
                session,
                content_type: "application/dtmf-relay".to_owned(),
                body: Bytes::from_static(b"Signal=1\r\n"),
            };
            let at = moment.within(0.0, 10.0);
            self.at(at, agent, info);
        }
        for _ in 0..moment.rng.random_range(0..3) {
            self.plan_text_within(agent, session, moment);
        }
        let hands_over = self.plan_transfer(agent, session, moment);
        let longest = match moment.happens(10) {
            true => 280.0,
            false if hands_over => 60.0,
            false => 15.0,
        };
        if !self.is_left_to_the_other(session, moment) {
            let end = self.appointment(agent, session, false, longest, moment);
            self.at(end, agent, hang_up(session));
        }
    }

    /// Who was called may wait for the other side to hang up, if the session timer ends the
    /// call when that is never heard (RFC 4028).
    fn is_left_to_the_other(&self, session: SessionId, moment: &mut Moment<'_>) -> bool {
        session.is_incoming() && self.sessions_expire && moment.happens(40)
    }

    /// A time of one's own, or the one that the other end has chosen.
    fn appointment(
        &mut self,
        agent: usize,
        session: SessionId,
        change: bool,
        seconds: f64,
        moment: &mut Moment<'_>,
    ) -> Instant {
        let own = moment.within(0.0, seconds);
        let call_id = self.call_ids.get(&(agent, session));
        let Some(call_id) = call_id.filter(|_| moment.happens(30)) else {
            return own;
        };
        let key = (call_id.clone(), change);
        let agreed = *self.appointments.entry(key).or_insert(own);
        agreed.max(moment.now)
    }
}
