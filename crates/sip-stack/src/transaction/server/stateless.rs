//! Answers without a transaction (RFC 3261 §8.2.7): the same request gets the same answer, tag
//! included, however often it comes.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::response::{add_tag, stamp_response};
use super::{Arrival, ServerSide};
use crate::message::{HeaderName, Request, Salvage, StatusCode, Via};
use crate::transaction::Turn;
use crate::transaction::via_path::ReturnPath;
use crate::transport::Source;

impl ServerSide {
    /// Refuses what could not be read as a whole.
    pub(in crate::transaction) fn handle_malformed(
        &self,
        salvage: &Salvage,
        source: Source,
        turn: &mut Turn<'_>,
    ) {
        let mut response = salvage.refusal(&self.tag(&salvage.via));
        let path = ReturnPath::of(&salvage.via, &source);
        stamp_response(&mut response, &salvage.via, &source);
        turn.out.send(&path.first, response.to_bytes(), None);
    }

    pub(super) fn answer(
        &self,
        request: &Request,
        status: StatusCode,
        retry_after: Option<u32>,
        arrival: &Arrival,
        turn: &mut Turn<'_>,
    ) {
        tracing::debug!(%status, method = %request.method, "answered without state");
        let mut response = request.reply(status);
        add_tag(&mut response, &self.tag_of(request));
        if let Some(seconds) = retry_after {
            response.headers.push(HeaderName::RetryAfter, seconds);
        }
        turn.out
            .send(&arrival.path.first, response.to_bytes(), None);
    }

    pub(super) fn tag_of(&self, request: &Request) -> String {
        match request.headers.via() {
            Ok(via) => self.tag(&via),
            Err(_) => self.tag_for(""),
        }
    }

    fn tag(&self, via: &Via) -> String {
        self.tag_for(&via.branch().unwrap_or_default())
    }

    fn tag_for(&self, branch: &str) -> String {
        let mut hasher = DefaultHasher::new();
        self.tag_secret.hash(&mut hasher);
        branch.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}
