//! The fields by `rsip`.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the variants are another crate's"
)]

use rsip::headers::{Header, ToTypedHeader};
use rsip::prelude::{HasHeaders, HeadersExt, UntypedHeader};
use rsip::{SipMessage, Uri};

use crate::tally::Tally;

pub(crate) fn read(datagram: &[u8]) -> Tally {
    let message = SipMessage::try_from(datagram).expect("a message");
    let mut tally = Tally::default();
    match &message {
        SipMessage::Request(request) => {
            tally.text(Some(request.method.to_string()));
            uri(&mut tally, &request.uri);
        }
        SipMessage::Response(response) => tally.number(Some(response.status_code.code())),
    }
    let via = message.via_header().and_then(|via| via.typed());
    let via = via.expect("a Via");
    tally.text(Some(via.transport.to_string()));
    tally.number(via.uri.port().map(|port| *port.value()));
    tally.text(via.branch().map(|branch| branch.value()));
    let rport = |param: &rsip::Param| matches!(param, rsip::Param::Other(name, _) if name.value().eq_ignore_ascii_case("rport"));
    tally.number(Some(via.params.iter().any(rport)));
    let from = message.from_header().and_then(|from| from.typed());
    let from = from.expect("an address");
    uri(&mut tally, &from.uri);
    tally.text(from.tag().map(|tag| tag.value()));
    let to = message.to_header().and_then(|to| to.typed());
    let to = to.expect("an address");
    uri(&mut tally, &to.uri);
    tally.text(to.tag().map(|tag| tag.value()));
    tally.text(message.call_id_header().ok().map(UntypedHeader::value));
    let cseq = message.cseq_header().and_then(|cseq| cseq.typed());
    let cseq = cseq.expect("a CSeq");
    tally.number(Some(cseq.seq));
    tally.text(Some(cseq.method.to_string()));
    for contact in message.contact_headers() {
        uri(&mut tally, &contact.typed().expect("a contact").uri);
    }
    for header in message.headers().iter() {
        match header {
            Header::Route(route) => {
                let route = route.typed().expect("routes");
                route
                    .uris()
                    .iter()
                    .for_each(|one| uri(&mut tally, &one.uri));
            }
            Header::RecordRoute(route) => {
                let route = route.typed().expect("routes");
                route
                    .uris()
                    .iter()
                    .for_each(|one| uri(&mut tally, &one.uri));
            }
            _ => {}
        }
    }
    let hops = message.max_forwards_header().ok();
    tally.number(hops.map(|hops| hops.num().expect("hops")));
    let expires = message.expires_header();
    tally.number(expires.map(|expires| expires.seconds().expect("seconds")));
    let length = message.headers().iter().find_map(|header| match header {
        Header::ContentLength(length) => Some(length.length().expect("a length")),
        _ => None,
    });
    tally.number(length);
    tally.text(Some(message.body()));
    tally
}

fn uri(tally: &mut Tally, uri: &Uri) {
    tally.text(uri.user());
    tally.text(Some(uri.host().to_string()));
    tally.number(uri.port().map(|port| *port.value()));
}
