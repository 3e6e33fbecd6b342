//! What is printed is read back as the same, over all well-formed messages.

use proptest::prelude::*;
use sip_stack::message::{Message, NameAddr, Uri, Via};

use crate::options_with;

proptest! {
    #[test]
    fn a_message_is_read_back_as_the_same(
        method in token(),
        uri in uri_text(),
        name in quoted(),
        tag in token(),
        lines in prop::collection::vec((token(), "[ -~]{0,40}"), 0..20),
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let known = |name: &str| {
            let short = ["v", "f", "t", "i", "m", "l"];
            let long = ["Via", "From", "To", "Call-ID", "CSeq", "Max-Forwards", "Contact",
                "Content-Length", "Route", "Record-Route", "Date"];
            short.iter().chain(&long).any(|known| known.eq_ignore_ascii_case(name))
        };
        let lines: String = lines
            .iter()
            .filter(|(name, _)| !known(name))
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let head = String::from_utf8(options_with(&lines)).unwrap()
            .replacen("OPTIONS sip:bob@example.com", &format!("{method} {uri}"), 1)
            .replacen("63104 OPTIONS", &format!("63104 {method}"), 1)
            .replacen("Alice <sip:alice@example.com>;tag=1928301774", &format!("{name} <{uri}>;tag={tag}"), 1)
            .replacen("Content-Length: 0", &format!("Content-Length: {}", body.len()), 1);
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&body);

        let message = Message::parse_datagram(&bytes).unwrap();
        let Message::Request(request) = &message else { panic!("a request") };
        prop_assert_eq!(request.method.as_str(), &method);
        prop_assert_eq!(request.uri.as_str(), &uri);
        prop_assert_eq!(&request.headers.from().unwrap().uri, &request.uri);
        let given = request.headers.from().unwrap();
        prop_assert_eq!(given.tag().unwrap(), tag.as_str());
        prop_assert_eq!(&request.body[..], &body[..]);

        let again = Message::parse_datagram(&message.to_bytes()).unwrap();
        prop_assert_eq!(again, message);
    }

    #[test]
    fn a_uri_is_printed_as_it_came(text in uri_text()) {
        prop_assert_eq!(Uri::parse(&text).unwrap().to_string(), text);
    }

    #[test]
    fn an_address_is_read_back_as_the_same(
        name in prop::option::of("[^\0\r\n]{0,20}"), uri in uri_text(), value in "[^\0\r\n]{0,20}",
    ) {
        let address = NameAddr::new(Uri::parse(&uri).unwrap());
        let mut address = address.with_display_name(&name.unwrap_or_default()).unwrap();
        address.set_tag(&value).unwrap();
        address.params.set_flag("x").unwrap();
        prop_assert_eq!(address.tag().unwrap(), value.as_str());
        prop_assert_eq!(NameAddr::parse(&address.to_string()).unwrap(), address);
    }

    #[test]
    fn a_via_is_read_back_as_the_same(
        transport in token(), host in host(), port in prop::option::of(1_u16..), branch in token(),
    ) {
        let port_text = port.map(|port| format!(":{port}")).unwrap_or_default();
        let text = format!("SIP/2.0/{transport} {host}{port_text};branch={branch};rport");
        let via = Via::parse(&text).unwrap();
        prop_assert_eq!(via.transport(), transport);
        prop_assert_eq!(via.port, port);
        prop_assert_eq!(via.branch().unwrap(), branch);
        prop_assert_eq!(Via::parse(&via.to_string()).unwrap(), via);
    }
}

fn token() -> impl Strategy<Value = String> {
    "[A-Za-z0-9.!%*_+`'~-]{1,12}"
}

fn quoted() -> impl Strategy<Value = String> {
    r#""([ !#-\[\]-~éй]|\\["\\a]){0,20}""#
}

fn host() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9-]{0,8}(\\.[a-z0-9]{1,8}){0,3}",
        any::<std::net::Ipv4Addr>().prop_map(|ip| ip.to_string()),
        any::<std::net::Ipv6Addr>().prop_map(|ip| format!("[{ip}]")),
    ]
}

fn uri_text() -> impl Strategy<Value = String> {
    let user = "([A-Za-z0-9_.!~*'()&=+$,;?/-]|%[0-9A-Fa-f]{2}){1,12}(:[a-z0-9&=+$,]{0,5})?@";
    let port = prop::option::of(1_u16..).prop_map(|port| port.map(|p| format!(":{p}")));
    let params = "(;[a-z][a-z0-9-]{0,6}(=([a-z0-9:&+$/-]|\\[|\\]|%[0-9a-f]{2}){1,8})?){0,3}";
    let sip = ("sips?:", prop::option::of(user), host(), port, params).prop_map(
        |(scheme, user, host, port, params)| {
            format!(
                "{scheme}{}{host}{}{params}",
                user.unwrap_or_default(),
                port.unwrap_or_default()
            )
        },
    );
    prop_oneof![
        4 => sip,
        1 => "tel:\\+?[0-9().-]{1,12}(;ext=[0-9]{1,3})?",
        1 => "[a-z][a-z0-9+.-]{1,8}:[a-zA-Z0-9/:.@_-]{1,20}".prop_filter("other schemes", |text| {
            !text.starts_with("sip:") && !text.starts_with("sips:")
        }),
    ]
}
