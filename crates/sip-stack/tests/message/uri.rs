//! URIs: their parts, and when two mean the same (RFC 3261 section 19.1.4).

use sip_stack::message::{Host, NameAddr, Refused, Uri, UriBuilder};

#[test]
fn equivalent_uris_of_the_rfc_are_equivalent() {
    for (a, b) in [
        (
            "sip:%61lice@atlanta.com;transport=TCP",
            "sip:alice@AtlanTa.CoM;Transport=tcp",
        ),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        (
            "sip:carol@chicago.com;security=on",
            "sip:carol@chicago.com;newparam=5",
        ),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("tel:+1-555-123(4)", "TEL:+15551234"),
        ("sip:a@[2001:db8::1]", "sip:a@[2001:0db8:0:0::1]"),
    ] {
        assert!(uri(a).is_equivalent(&uri(b)), "{a} {b}");
        assert!(uri(b).is_equivalent(&uri(a)), "{b} {a}");
        assert_ne!(uri(a), uri(b));
    }
}

#[test]
fn different_uris_of_the_rfc_are_different() {
    for (a, b) in [
        (
            "SIP:ALICE@AtLanTa.CoM;Transport=udp",
            "sip:alice@AtLanTa.CoM;Transport=UDP",
        ),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        (
            "sip:bob@biloxi.com",
            "sip:bob@biloxi.com:6000;transport=tcp",
        ),
        (
            "sip:carol@chicago.com",
            "sip:carol@chicago.com?Subject=next%20meeting",
        ),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        (
            "sip:carol@chicago.com;security=on",
            "sip:carol@chicago.com;security=off",
        ),
        ("sip:bob@biloxi.com", "sips:bob@biloxi.com"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;maddr=192.0.2.1"),
        ("sip:bob@biloxi.com", "sip:bob:pw@biloxi.com"),
        ("sip:biloxi.com", "sip:bob@biloxi.com"),
    ] {
        assert!(!uri(a).is_equivalent(&uri(b)), "{a} {b}");
        assert!(!uri(b).is_equivalent(&uri(a)), "{b} {a}");
    }
}

#[test]
fn of_a_parameter_that_is_given_twice_the_first_one_counts() {
    let twice = uri("sip:bob@biloxi.com;a=1;a=2");
    assert!(twice.is_equivalent(&twice));
    assert!(twice.is_equivalent(&uri("sip:bob@biloxi.com;a=1")));
    assert!(!twice.is_equivalent(&uri("sip:bob@biloxi.com;a=2")));
}

#[test]
fn the_parts_of_a_uri_are_found() {
    let uri = uri("sips:bob;x=1%40a:pw@[2001:db8::1]:5061;transport=TCP;lr;a%62=c%64?h=v&i=%3C");
    assert!(uri.is_sips());
    assert_eq!(uri.user(), Some("bob;x=1%40a"));
    assert_eq!(uri.user_decoded().unwrap(), "bob;x=1@a");
    assert_eq!(uri.password(), Some("pw"));
    assert_eq!(uri.host_text(), Some("[2001:db8::1]"));
    assert_eq!(uri.port(), Some(5061));
    assert_eq!(uri.param("TRANSPORT").unwrap(), "TCP");
    assert_eq!(uri.param("ab").unwrap(), "cd");
    assert_eq!(uri.param("missing"), None);
    assert!(uri.is_loose_router());
    assert_eq!(uri.header("i").unwrap(), "<");
    assert_eq!(uri.user_at_host().unwrap(), "bob;x=1%40a@[2001:db8::1]");
}

#[test]
fn what_is_no_uri_is_refused() {
    for text in [
        "",
        "sip",
        "sip:",
        ":bob@h",
        "1sip:bob@h",
        "sip:@h",
        "sip:bob@",
        "sip:bob@h:",
        "sip:bob@h:0",
        "sip:bob@h:65536",
        "sip:bob@h:+1",
        "sip:bob@h:5060x",
        "sip:bob@[2001:db8::1",
        "sip:bob@2001:db8::1",
        "sip:bob@[::1]x",
        "sip:bob@h g",
        "sip:bob@h\r\n",
        "<sip:bob@h>",
        "sip:bob@\"h\"",
        "sip:b ob@h",
        "sip:bob@a@b",
        "sip:bob@.h",
        "sip:bob@a..b",
        "sip:bob@h;a=\u{7f}",
        "sip:bob@[192.0.2.1]",
    ] {
        assert!(Uri::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_parameter_can_be_added_or_replaced_without_touching_the_rest() {
    let before = uri("sip:a%41@H;lr;transport=udp;x=%2f?h=v");
    let after = before.with_param("transport", "tcp").unwrap();
    assert_eq!(after.as_str(), "sip:a%41@H;lr;x=%2f;transport=tcp?h=v");
    let after = before.with_param("ob", "").unwrap();
    assert_eq!(after.as_str(), "sip:a%41@H;lr;transport=udp;x=%2f;ob?h=v");
    assert_eq!(before.with_param("a", "b\r\n"), Err(Refused::LineBreak));
    assert_eq!(uri("tel:1").with_param("a", "b"), Err(Refused::Uri));
}

#[test]
fn whatever_is_built_is_read_back() {
    let nasty = "a%;?@:<>\" é\\/=&,";
    let built = UriBuilder::sips(Host::parse("example.com").unwrap())
        .user(nasty)
        .password(nasty)
        .port(5061)
        .param("p", nasty)
        .param("lr", "")
        .header("Subject", nasty)
        .build()
        .unwrap();
    assert_eq!(built.user_decoded().unwrap(), nasty);
    assert_eq!(built.param("p").unwrap(), nasty);
    assert!(built.is_loose_router());
    assert_eq!(built.header("subject").unwrap(), nasty);
    assert_eq!(built.port(), Some(5061));
}

#[test]
fn parameters_belong_to_the_uri_only_inside_of_brackets() {
    let bare = NameAddr::parse("sip:+19725552222@gw1.example.net;unknownparam").unwrap();
    assert!(bare.params.contains("unknownparam"));
    assert!(!bare.uri.has_param("unknownparam"));
    let bracketed = NameAddr::parse("<sip:+19725552222@gw1.example.net;unknownparam>").unwrap();
    assert!(!bracketed.params.contains("unknownparam"));
    assert!(bracketed.uri.has_param("unknownparam"));
}

#[test]
fn addresses_that_cannot_be_trusted_are_refused() {
    for text in [
        "",
        "<>",
        "\"Bob <sip:bob@h>",
        "Bob, <sip:bob@h>",
        "<sip:bob@h",
        "sip:bob@h>",
        "sip:bob@h?a=b",
        "sip:bob@h,sip:c@h",
        "< sip:bob@h >",
        "<sip:bob@h>;;",
        "<sip:bob@h>;",
        "<sip:bob@h>x",
        "<sip:bob@h>;=1",
        "<sip:bob@h>;a=\"b",
        "<sip:bob@h>;a=b c",
        "\"a\"b <sip:bob@h>",
        "a \"b\" <sip:bob@h>",
        "\"Bob\" sip:bob@h",
        "<sip:bob@h>;a=b, <sip:c@h>",
    ] {
        assert!(NameAddr::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn display_names_are_read_without_quotes_and_escapes() {
    for (text, name) in [
        ("<sip:b@h>", None),
        ("\"\" <sip:b@h>", None),
        ("Bob<sip:b@h>", Some("Bob")),
        ("A. G. Bell <sip:b@h>", Some("A. G. Bell")),
        ("\"<sip:evil@h>\" <sip:b@h>", Some("<sip:evil@h>")),
        ("\"a \\\"b\\\\\"<sip:b@h>", Some("a \"b\\")),
        ("Müller <sip:b@h>", Some("Müller")),
        ("\"%Z%45\" <sip:b@h>", Some("%Z%45")),
    ] {
        let address = NameAddr::parse(text).unwrap();
        assert_eq!(address.display_name(), name, "{text}");
        assert_eq!(address.uri.as_str(), "sip:b@h");
    }
}

fn uri(text: &str) -> Uri {
    Uri::parse(text).unwrap()
}
