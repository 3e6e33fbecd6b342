//! The fields by `sip-stack`.

use sip_stack::message::{Contacts, Message, NameAddr, Uri};

use crate::tally::Tally;

pub(crate) fn read(datagram: &[u8]) -> Tally {
    let message = Message::parse_datagram(datagram).expect("a message");
    let mut tally = Tally::default();
    match &message {
        Message::Request(request) => {
            tally.text(Some(request.method.as_str()));
            uri(&mut tally, &request.uri);
        }
        Message::Response(response) => tally.number(Some(response.status.code())),
    }
    let headers = message.headers();
    let via = headers.via().expect("a Via");
    tally.text(Some(via.transport()));
    tally.number(via.port);
    tally.text(via.branch().as_deref());
    tally.number(Some(via.wants_rport()));
    for address in [headers.from(), headers.to()] {
        let address = address.expect("an address");
        uri(&mut tally, &address.uri);
        tally.text(address.tag().as_deref());
    }
    tally.text(Some(headers.call_id().expect("a Call-ID")));
    let cseq = headers.cseq().expect("a CSeq");
    tally.number(Some(cseq.number));
    tally.text(Some(cseq.method.as_str()));
    if let Contacts::List(contacts) = headers.contacts().expect("contacts") {
        addresses(&mut tally, &contacts);
    }
    addresses(&mut tally, &headers.routes().expect("routes"));
    addresses(&mut tally, &headers.record_routes().expect("routes"));
    tally.number(headers.max_forwards().expect("hops"));
    tally.number(headers.expires().expect("seconds"));
    let length = headers.content_length().expect("a length");
    tally.number(length.map(|length| length as u64));
    tally.text(Some(message.body()));
    tally
}

fn addresses(tally: &mut Tally, addresses: &[NameAddr]) {
    for address in addresses {
        uri(tally, &address.uri);
    }
}

fn uri(tally: &mut Tally, uri: &Uri) {
    tally.text(uri.user());
    tally.text(uri.host_text());
    tally.number(uri.port());
}
