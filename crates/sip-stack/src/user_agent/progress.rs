//! Provisional responses to an INVITE of ours: the early dialogs they make (RFC 3261
//! §13.2.2.1), and the reliable ones among them, which are taken in order and
//! acknowledged by PRACK (RFC 3262 §4).

use std::time::Instant;

use super::UserAgent;
use crate::account::SessionId;
use crate::event::SessionEvent;
use crate::invite::body::Body;
use crate::invite::change::{Change, OfferedBy};
use crate::invite::client::Place;
use crate::invite::reliable;
use crate::message::{Response, StatusCode};
use crate::transport::Source;

impl UserAgent {
    /// 100 says nothing about the called side and is not told.
    pub(super) fn calling_progress(
        &mut self,
        id: SessionId,
        response: &Response,
        source: &Source,
        now: Instant,
    ) {
        if response.status == StatusCode::TRYING {
            return;
        }
        let keys = self.core.keys_go();
        let Some((_, calling)) = self.calling(id) else {
            return;
        };
        let place = calling.place(response, source, keys);
        let (number, has_offered) = (place.number(), calling.has_offered());
        let rseq = reliable::number_of(response);
        let sdp = Body::read(&response.headers, &response.body).sdp();
        let mut sdp = sdp.map(|sdp| keys.heard(sdp, source.transport));
        let has_description = sdp.is_some();
        let mut pracks = None;
        let mut offer = None;
        let inside = !matches!(place, Place::Outside(_));
        if let Some(early) = calling.early_mut(number).filter(|_| inside) {
            early.peer.learn(&response.headers);
            if rseq.is_some_and(|rseq| !early.received.take(rseq)) {
                return;
            }
            pracks = rseq;
            let open = matches!(early.change, Change::Opening);
            match (rseq, &sdp) {
                (_, Some(answer)) if has_offered => {
                    early.remote = Some(answer.clone());
                    if open && rseq.is_some() {
                        early.change = Change::Settled;
                    }
                }
                (Some(rseq), Some(_)) if open => {
                    early.remote.clone_from(&sdp);
                    early.change = Change::Offered(OfferedBy::Provisional(rseq));
                    (offer, pracks) = (sdp.take(), None);
                }
                // Only a reliable response can offer (RFC 3262 §5).
                (None, Some(_)) if open => sdp = None,
                (Some(_) | None, Some(_) | None) => {}
            }
            if has_description {
                calling.hears(number);
            }
        }
        if let Place::New(_, dialog) = place {
            self.dialogs.insert(dialog, id);
        }
        if let Some(rseq) = pracks {
            self.send_prack(id, number, rseq, None, now);
        }
        let progress = SessionEvent::Provisional {
            code: response.status.code(),
            phrase: response.reason.as_str().to_owned(),
            sdp,
            dialog: number,
        };
        self.core.tell_session(id, progress);
        if let Some(sdp) = offer {
            let dialog = number;
            self.core
                .tell_session(id, SessionEvent::Offered { sdp, dialog });
        }
    }
}
