//! What makes a message belong to a transaction (RFC 3261 §17.1.3 and §17.2.3).

use crate::message::{Method, Request, Response, Via};

/// Matches a response to the request it answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ClientKey {
    branch: String,
    method: Method,
}

impl ClientKey {
    pub(super) fn new(branch: &str, method: Method) -> Self {
        Self {
            branch: branch.to_ascii_lowercase(),
            method,
        }
    }

    /// `None`: the response cannot be one of ours.
    pub(super) fn of_response(response: &Response) -> Option<Self> {
        let via = response.headers.via().ok()?;
        let cseq = response.headers.cseq().ok()?;
        Some(Self::new(&via.branch()?, cseq.method))
    }
}

/// Matches a repeated request, an ACK or a CANCEL to the first request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum ServerKey {
    /// The branch is unique: RFC 3261.
    Branch {
        branch: String,
        sent_by: String,
        method: Method,
    },
    /// The branch is not: RFC 2543, where everything that identifies the request is
    /// compared. The To tag is left out, as an ACK's differs from its INVITE's.
    Whole {
        uri: String,
        from_tag: String,
        call_id: String,
        cseq: u32,
        via: String,
        method: Method,
    },
}

impl ServerKey {
    /// The key of `request`, whose top Via as it was sent is `via`. An ACK has the key of
    /// its INVITE.
    pub(super) fn of_request(request: &Request, via: &Via) -> Self {
        let method = if request.is_ack() {
            Method::Invite
        } else {
            request.method.clone()
        };
        Self::with_method(request, via, method)
    }

    /// The key of the INVITE that the CANCEL `cancel` means.
    pub(super) fn of_cancelled(cancel: &Request, via: &Via) -> Self {
        Self::with_method(cancel, via, Method::Invite)
    }

    fn with_method(request: &Request, via: &Via, method: Method) -> Self {
        match via.branch() {
            Some(branch) if via.has_magic_cookie() => Self::Branch {
                branch: branch.to_ascii_lowercase(),
                sent_by: via.sent_by().to_ascii_lowercase(),
                method,
            },
            Some(_) | None => Self::Whole {
                uri: request.uri.as_str().to_owned(),
                from_tag: from_tag(request),
                call_id: request.headers.call_id().unwrap_or_default().to_owned(),
                cseq: request.headers.cseq().map_or(0, |cseq| cseq.number),
                via: via.to_string(),
                method,
            },
        }
    }
}

/// Tells a request that came by two ways from two requests (RFC 3261 §8.2.2.2).
///
/// The Request-URI is part of it: a proxy that forks one call to two of our bindings
/// means two user agents of ours, and both shall ring.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct MergeKey {
    uri: String,
    from_tag: String,
    call_id: String,
    cseq: u32,
    method: Method,
}

impl MergeKey {
    /// `None` inside of a dialog, where nothing merges.
    pub(super) fn of_request(request: &Request) -> Option<Self> {
        if request.headers.to().is_ok_and(|to| to.tag().is_some()) {
            return None;
        }
        let cseq = request.headers.cseq().ok()?;
        Some(Self {
            uri: request.uri.as_str().to_owned(),
            from_tag: from_tag(request),
            call_id: request.headers.call_id().ok()?.to_owned(),
            cseq: cseq.number,
            method: cseq.method,
        })
    }
}

fn from_tag(request: &Request) -> String {
    request
        .headers
        .from()
        .ok()
        .and_then(|from| from.tag().map(|tag| tag.into_owned()))
        .unwrap_or_default()
}
