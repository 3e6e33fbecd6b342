//! The fields by `sipx-sip`.

use bytes::Bytes;
use sipx_sip::headers::{
    CSeq, CallId, ContactValue, ContentLength, Expires, From, MaxForwards, RecordRoute, Route, To,
};
use sipx_sip::{Host, Limits, Message, Uri, Via};

use crate::tally::Tally;

pub(crate) fn read(datagram: &[u8]) -> Tally {
    let bytes = Bytes::copy_from_slice(datagram);
    let message = sipx_sip::parse_datagram(bytes, &Limits::datagram()).expect("a message");
    let mut tally = Tally::default();
    match &message {
        Message::Request(request) => {
            tally.text(Some(request.method.as_bytes()));
            uri(&mut tally, &request.uri);
        }
        Message::Response(response) => tally.number(Some(response.status.code())),
    }
    let headers = message.headers();
    let via: Via = headers.typed().expect("there").expect("a Via");
    tally.text(Some(&via.transport));
    tally.number(via.port);
    tally.text(via.branch());
    tally.number(Some(via.rport().is_some()));
    let from: From = headers.typed().expect("there").expect("an address");
    uri(&mut tally, &from.uri);
    tally.text(from.tag());
    let to: To = headers.typed().expect("there").expect("an address");
    uri(&mut tally, &to.uri);
    tally.text(to.tag());
    let call_id: CallId = headers.typed().expect("there").expect("a Call-ID");
    tally.text(Some(call_id.0));
    let cseq: CSeq = headers.typed().expect("there").expect("a CSeq");
    tally.number(Some(cseq.sequence));
    tally.text(Some(cseq.method.as_bytes()));
    for contact in headers.typed_all() {
        match contact.expect("a contact") {
            ContactValue::Wildcard => {}
            ContactValue::Address(address) => uri(&mut tally, &address.uri),
        }
    }
    for route in headers.typed_all::<Route>() {
        uri(&mut tally, &route.expect("a route").uri);
    }
    for route in headers.typed_all::<RecordRoute>() {
        uri(&mut tally, &route.expect("a route").uri);
    }
    let hops = headers.typed::<MaxForwards>();
    tally.number(hops.map(|hops| hops.expect("hops").0));
    let expires = headers.typed::<Expires>();
    tally.number(expires.map(|expires| expires.expect("seconds").0));
    let length = headers.typed::<ContentLength>();
    tally.number(length.map(|length| length.expect("a length").0));
    tally.text(Some(message.body()));
    tally
}

fn uri(tally: &mut Tally, uri: &Uri) {
    tally.text(uri.user());
    tally.text(uri.host().map(Host::to_bytes));
    tally.number(uri.port());
}
