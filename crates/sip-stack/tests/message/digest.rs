//! Digest authentication, against the vectors of the RFCs and the habits of registrars.

use sip_stack::digest::{
    Authorization, Challenge, Credentials, DigestError, Ha1, NonceState, Rejection, answer, select,
};
use sip_stack::message::{HeaderName, HeaderValue, Method, StatusCode};

use crate::{registered_with, response};

#[test]
fn the_example_of_rfc_2617_is_reproduced() {
    let challenge = one(
        "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", \
         nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
    );
    let mufasa = credentials("Mufasa", "testrealm@host.com", "Circle Of Life");
    let get = Method::parse("GET").unwrap();
    let value = answer(&challenge, &mufasa, &get, "/dir/index.html", "0a4f113b", 1).unwrap();
    assert_eq!(
        param(&value, "response"),
        "\"6629fae49393a05397450978507c4ef1\""
    );
    assert_eq!(param(&value, "qop"), "auth");
    assert_eq!(param(&value, "nc"), "00000001");
    assert_eq!(
        param(&value, "opaque"),
        "\"5ccc069c403ebaf9f0171e9517f40e41\""
    );
}

#[test]
fn the_md5_example_of_rfc_7616_is_reproduced() {
    let challenge = one(
        "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=MD5, \
         nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
    );
    let mufasa = credentials("Mufasa", "http-auth@example.org", "Circle of Life");
    let get = Method::parse("GET").unwrap();
    let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    let value = answer(&challenge, &mufasa, &get, "/dir/index.html", cnonce, 1).unwrap();
    assert_eq!(
        param(&value, "response"),
        "\"8ca523f5e9506fed4657c9700eebdbec\""
    );
    assert_eq!(param(&value, "algorithm"), "MD5");
}

#[test]
fn without_qop_there_is_no_count_and_no_client_nonce() {
    let challenge = one("Digest realm=\"r\", nonce=\"n\"");
    let alice = credentials("alice", "r", "secret");
    let value = answer(&challenge, &alice, &Method::Register, "sip:r", "c", 1).unwrap();
    let ha1 = md5("alice:r:secret");
    let ha2 = md5("REGISTER:sip:r");
    let expected = md5(&format!("{ha1}:n:{ha2}"));
    assert_eq!(param(&value, "response"), format!("\"{expected}\""));
    for absent in [" nc=", "cnonce=", "qop=", "algorithm="] {
        assert!(!value.text().contains(absent), "{absent}");
    }
}

#[test]
fn md5_sess_hashes_the_ha1_with_both_nonces() {
    let challenge = one("Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=md5-SESS");
    let alice = credentials("alice", "r", "secret");
    let value = answer(&challenge, &alice, &Method::Invite, "sip:bob@r", "c", 10).unwrap();
    let ha1 = md5(&format!("{}:n:c", md5("alice:r:secret")));
    let ha2 = md5("INVITE:sip:bob@r");
    let expected = md5(&format!("{ha1}:n:0000000a:c:auth:{ha2}"));
    assert_eq!(param(&value, "response"), format!("\"{expected}\""));
    assert_eq!(param(&value, "nc"), "0000000a");
    assert_eq!(param(&value, "algorithm"), "md5-SESS");
}

#[test]
fn the_md5_challenge_is_chosen_behind_a_stronger_one() {
    let response = response(&registered_with(
        "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\", algorithm=SHA-256, qop=\"auth\"\r\n\
         WWW-Authenticate: Digest realm=\"r\", nonce=\"2\", algorithm=MD5, qop=\"auth,auth-int\"\r\n\
         WWW-Authenticate: Basic realm=\"r\"\r\n\
         Proxy-Authenticate: Digest realm=\"p\", nonce=\"3\", Digest realm=\"q\", nonce=\"4\"\r\n",
    ));
    let www = response.headers.www_authenticate();
    assert_eq!(www.len(), 2);
    assert_eq!(nonces(&select(&www, None).unwrap()), ["2"]);

    let proxy = response.headers.proxy_authenticate();
    assert_eq!(nonces(&select(&proxy, None).unwrap()), ["3", "4"]);
    assert_eq!(nonces(&select(&proxy, Some(&["q".into()])).unwrap()), ["4"]);
}

#[test]
fn what_cannot_be_answered_is_told_apart() {
    let sha = "Digest realm=\"r\", nonce=\"1\", algorithm=SHA-256";
    let sha512 = "Digest realm=\"r\", nonce=\"1\", algorithm=SHA-512-256";
    assert_eq!(
        select(&[one(sha), one(sha512)], None),
        Err(DigestError::AlgorithmUnsupported(vec![
            "SHA-256".into(),
            "SHA-512-256".into()
        ]))
    );
    let other = "Digest realm=\"other\", nonce=\"2\"";
    assert_eq!(
        select(&[one(sha), one(other)], Some(&["r".into()])),
        Err(DigestError::AlgorithmUnsupported(vec!["SHA-256".into()]))
    );
    assert_eq!(
        select(&[one(other)], Some(&["r".into()])),
        Err(DigestError::RealmMismatch(vec!["other".into()]))
    );
    assert_eq!(
        select(
            &[one("Digest realm=\"r\", nonce=\"2\", qop=\"auth-int\"")],
            None
        ),
        Err(DigestError::QopUnsupported)
    );
    assert_eq!(select(&[], None), Err(DigestError::NoChallenge));
}

#[test]
fn what_stands_between_quotes_goes_back_as_it_came() {
    let challenge = one("Digest realm=\"a \\\"b\\\" \\\\, c\", nonce=\"n=,\\\"\", opaque=\"\"");
    assert_eq!(challenge.realm(), "a \"b\" \\, c");
    let who = credentials("al\"ice", "a \"b\" \\, c", "secret");
    let value = answer(&challenge, &who, &Method::Register, "sip:r", "c", 1).unwrap();
    let text = value.text();
    assert!(text.contains("realm=\"a \\\"b\\\" \\\\, c\""), "{text}");
    assert!(text.contains("nonce=\"n=,\\\"\""), "{text}");
    assert!(text.contains("opaque=\"\""), "{text}");
    assert!(text.contains("username=\"al\\\"ice\""), "{text}");
}

#[test]
fn a_challenge_whose_quotes_do_not_fit_is_left_out() {
    for realm in ["\"open", "\"a\"b", "a\"b\"", "a\\", "\"a\\\""] {
        let line = format!("Digest nonce=\"n\", realm={realm}");
        assert_eq!(Challenge::parse_all(&line), [], "{line}");
    }
    assert_eq!(
        one("Digest nonce=n, realm=example.com").realm(),
        "example.com"
    );
}

#[test]
fn a_user_name_with_a_line_break_is_refused() {
    let challenge = one("Digest realm=\"r\", nonce=\"n\"");
    let who = credentials("al\r\nVia: x", "r", "secret");
    let refused = answer(&challenge, &who, &Method::Register, "sip:r", "c", 1);
    assert_eq!(refused, Err(DigestError::Refused));
}

#[test]
fn a_nonce_is_counted_in_eight_hexadecimal_digits_until_the_next_one() {
    let mut state = NonceState::new(one("Digest realm=\"r\", nonce=\"n\", qop=\"auth\""));
    let alice = credentials("alice", "r", "secret");
    let mut counts = Vec::new();
    for _ in 0..17 {
        let value = state
            .answer(&alice, &Method::Register, "sip:r", "c")
            .unwrap();
        counts.push(param(&value, "nc"));
    }
    assert_eq!(counts[0], "00000001");
    assert_eq!(counts[9], "0000000a");
    assert_eq!(counts[16], "00000011");

    state.handle_authentication_info("qop=auth, nextnonce=\"n2\", rspauth=\"0\"");
    assert_eq!(state.count(), 0);
    let value = state
        .answer(&alice, &Method::Register, "sip:r", "c")
        .unwrap();
    assert_eq!(param(&value, "nonce"), "\"n2\"");
    assert_eq!(param(&value, "nc"), "00000001");

    state.handle_authentication_info("nextnonce=\"n2\"");
    assert_eq!(state.count(), 1);
}

#[test]
fn our_own_challenge_and_answer_agree() {
    for (algorithm, qop) in [
        ("", "qop=\"auth\""),
        (", algorithm=MD5-sess", "qop=\"auth\""),
        ("", "x=y"),
    ] {
        let challenge = one(&format!(
            "Digest realm=\"a \\\"b\\\"\", nonce=\"n\", {qop}{algorithm}"
        ));
        let alice = credentials("alice", "a \"b\"", "secret");
        let value = answer(&challenge, &alice, &Method::Register, "sip:r", "c", 11).unwrap();
        let given = Authorization::parse(&value.text()).unwrap();
        assert_eq!(given.username(), "alice");
        assert_eq!(given.realm(), "a \"b\"");
        assert_eq!(given.nonce(), "n");
        assert_eq!(given.verify(&alice.ha1, &Method::Register), Ok(()));
        assert_eq!(
            given.verify(&alice.ha1, &Method::Invite),
            Err(Rejection::WrongResponse)
        );
        let other = Ha1::compute("alice", "a \"b\"", "Secret");
        assert_eq!(
            given.verify(&other, &Method::Register),
            Err(Rejection::WrongResponse)
        );
    }
}

#[test]
fn our_own_challenge_is_printed_and_read() {
    let challenge = Challenge::new("my \"realm\"", "n0", Some("o"), true).unwrap();
    let again = one(&challenge.to_string());
    assert_eq!(again, challenge);
    assert!(again.is_stale() && again.offers_auth());
    assert_eq!(again.realm(), "my \"realm\"");
    assert!(Challenge::new("r\r\n", "n", None, false).is_err());

    let mut response = response(&registered_with(""));
    response.status = StatusCode::UNAUTHORIZED;
    let value = HeaderValue::new(challenge.to_string()).unwrap();
    response.headers.push(HeaderName::WwwAuthenticate, value);
    assert_eq!(response.headers.www_authenticate(), [challenge]);
}

#[test]
fn an_answer_that_is_incomplete_or_of_another_kind_is_rejected() {
    let ha1 = Ha1::compute("a", "r", "s");
    let verify = |text: &str| {
        Authorization::parse(text)
            .unwrap()
            .verify(&ha1, &Method::Register)
    };
    let base = "Digest username=\"a\",realm=\"r\",nonce=\"n\",uri=\"sip:r\",response=\"0\"";
    assert_eq!(verify(base), Err(Rejection::WrongResponse));
    assert_eq!(
        verify(&format!("{base},algorithm=SHA-256")),
        Err(Rejection::Unsupported)
    );
    assert_eq!(
        verify(&format!("{base},qop=auth-int")),
        Err(Rejection::Unsupported)
    );
    assert_eq!(
        verify(&format!("{base},qop=auth,nc=00000001")),
        Err(Rejection::Incomplete)
    );
    assert_eq!(
        verify(&format!("{base},qop=auth,nc=1,cnonce=\"c\"")),
        Err(Rejection::Incomplete)
    );
    assert_eq!(
        verify(&format!("{base},algorithm=MD5-sess")),
        Err(Rejection::Incomplete)
    );
    assert_eq!(
        Authorization::parse("NoOneKnowsThisScheme opaque-data=here"),
        None
    );
    assert_eq!(Authorization::parse("Digest username=\"a\""), None);
}

#[test]
fn an_ha1_is_32_digits_of_any_case_and_never_shown() {
    let ha1 = Ha1::from_hex("939E7578ED9E3C518A452ACEE763BCE9").unwrap();
    assert_eq!(
        ha1,
        Ha1::compute("Mufasa", "testrealm@host.com", "Circle Of Life")
    );
    assert_eq!(format!("{ha1:?}"), "Ha1(..)");
    for wrong in [
        "",
        "939e",
        "939e7578ed9e3c518a452acee763bceg",
        "939e7578ed9e3c518a452acee763bce9a",
    ] {
        assert_eq!(Ha1::from_hex(wrong), None);
    }
}

fn one(line: &str) -> Challenge {
    let mut all = Challenge::parse_all(line);
    assert_eq!(all.len(), 1, "{line}");
    all.remove(0)
}

fn nonces<'a>(challenges: &[&'a Challenge]) -> Vec<&'a str> {
    challenges
        .iter()
        .map(|challenge| challenge.nonce())
        .collect()
}

fn credentials(username: &str, realm: &str, password: &str) -> Credentials {
    Credentials {
        username: username.to_owned(),
        ha1: Ha1::compute(username, realm, password),
    }
}

fn md5(text: &str) -> String {
    format!("{:x}", md5::compute(text))
}

/// A parameter as written, where no value holds a comma.
fn param(value: &HeaderValue, name: &str) -> String {
    let text = value.text().into_owned();
    text.strip_prefix("Digest ")
        .unwrap()
        .split(", ")
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        .unwrap_or_else(|| panic!("no {name} in {text}"))
        .to_owned()
}
