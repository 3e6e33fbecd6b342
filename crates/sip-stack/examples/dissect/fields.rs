//! A message as a short list of fields, in the words of the torture corpora.

use sip_stack::message::{Contacts, Message, NameAddr, Uri};

/// The fields of a message that it has and that can be read:
///
/// `start` (method or status), `ruri` (`user@host`, with a port if written), `from` and `to`
/// (`user@host;tag`), `callid`, `cseq`, `via` (transport, sent-by and branch of the top one),
/// `vias` and `contacts` (how many), `maxfwd`, `body` (length in bytes).
pub(crate) fn of(message: &Message) -> Vec<(&'static str, String)> {
    let headers = message.headers();
    let (start, ruri) = match message {
        Message::Request(request) => (request.method.to_string(), target(&request.uri)),
        Message::Response(response) => (response.status.to_string(), None),
    };
    let via = headers.via().ok().map(|via| {
        let branch = via.branch().unwrap_or_default();
        format!("{} {} {branch}", via.transport(), via.sent_by())
    });
    let contacts = headers.contacts().ok().map(|contacts| match contacts {
        Contacts::All => 1,
        Contacts::List(list) => list.len(),
    });
    let fields = [
        ("start", Some(start)),
        ("ruri", ruri),
        ("from", headers.from().ok().and_then(address)),
        ("to", headers.to().ok().and_then(address)),
        ("callid", headers.call_id().ok().map(str::to_owned)),
        ("cseq", headers.cseq().ok().map(|cseq| cseq.to_string())),
        ("via", via),
        (
            "vias",
            headers.vias().ok().map(|vias| vias.len().to_string()),
        ),
        ("contacts", contacts.map(|count| count.to_string())),
        (
            "maxfwd",
            headers.max_forwards().ok().flatten().map(|n| n.to_string()),
        ),
        ("body", Some(message.body().len().to_string())),
    ];
    fields
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

fn target(uri: &Uri) -> Option<String> {
    let at = user_at_host(uri)?;
    Some(match uri.port() {
        Some(port) => format!("{at}:{port}"),
        None => at,
    })
}

fn address(address: NameAddr) -> Option<String> {
    let at = user_at_host(&address.uri)?;
    let tag = address.tag().unwrap_or_default();
    Some(format!("{at};{tag}"))
}

fn user_at_host(uri: &Uri) -> Option<String> {
    let user = uri.user().unwrap_or_default();
    Some(format!("{user}@{}", uri.host_text()?))
}
