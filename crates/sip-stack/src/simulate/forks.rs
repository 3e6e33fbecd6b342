//! What a forking proxy has to remember (RFC 3261 §16.7, §16.10): which refusals it still
//! holds back, and whom it cancels.
//!
//! Every 1xx and 2xx goes through; so two phones that answer at once give two 2xx. A refusal
//! goes through once every branch has refused; repeats of it go the same way.

use std::collections::BTreeMap;

use super::proxies::Outgoing;
use crate::message::{CSeq, HeaderName, Message, Method, Response};

#[derive(Default)]
pub(super) struct Forks {
    /// By the branch of the INVITE as it came.
    open: BTreeMap<String, Vec<Branch>>,
}

struct Branch {
    cancel: Outgoing,
    code: Option<u16>,
}

impl Forks {
    pub(super) fn knows(&self, branch: &str) -> bool {
        self.open.contains_key(branch)
    }

    /// An INVITE goes to several places.
    pub(super) fn begin(&mut self, branch: &str, sent: &Outgoing) {
        let branches = sent.iter().map(|(to, bytes)| Branch {
            cancel: cancel(bytes)
                .map(|bytes| (to.clone(), bytes))
                .into_iter()
                .collect(),
            code: None,
        });
        self.open.insert(branch.to_owned(), branches.collect());
    }

    /// Whether this response may go on to the caller, and what else it causes.
    pub(super) fn handle(&mut self, own_branch: &str, response: &Response) -> (bool, Outgoing) {
        let passes = (true, Outgoing::new());
        let code = response.status.code();
        let of_invite = response
            .headers
            .cseq()
            .is_ok_and(|cseq| cseq.method == Method::Invite);
        let Some((branch, number)) = own_branch.rsplit_once("-f") else {
            return passes;
        };
        let branches = self.open.get_mut(branch).filter(|_| of_invite);
        let (Some(branches), Ok(number)) = (branches, number.parse::<usize>()) else {
            return passes;
        };
        if let Some(branch) = branches.get_mut(number).filter(|_| code >= 200) {
            branch.code = Some(code);
        }
        let won = |branch: &Branch| branch.code.is_some_and(|code| code < 300);
        let answered = branches.iter().any(won);
        let open = branches.iter().any(|branch| branch.code.is_none());
        let held_back = code >= 300 && (answered || open);
        let losers = branches.iter().filter(|branch| branch.code.is_none());
        let cancels = losers.filter(|_| answered);
        let cancels = cancels.flat_map(|branch| branch.cancel.clone()).collect();
        (!held_back, cancels)
    }
}

/// The CANCEL of an INVITE as it was passed on.
fn cancel(invite: &[u8]) -> Option<bytes::Bytes> {
    let Ok(Message::Request(mut request)) = Message::parse_datagram(invite) else {
        return None;
    };
    let number = request.headers.cseq().ok()?.number;
    request.method = Method::Cancel;
    let cseq = CSeq::new(number, Method::Cancel);
    request.headers.set(HeaderName::CSeq, cseq);
    for name in [HeaderName::ContentType, HeaderName::Contact] {
        request.headers.remove(&name);
    }
    request.body = bytes::Bytes::new();
    Some(Message::from(request).to_bytes())
}
