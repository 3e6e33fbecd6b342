use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

#[test]
fn an_ip_literal_is_used_as_it_stands_over_udp() {
    assert_eq!(
        locate(sip("192.0.2.7"), &[]),
        Ok(vec![Destination::udp(addr("192.0.2.7:5060"))])
    );
    assert_eq!(
        locate(sip("2001:db8::7"), &[]),
        Ok(vec![Destination::udp(addr("[2001:db8::7]:5060"))])
    );
}

#[test]
fn sips_to_an_ip_literal_is_tls_on_5061() {
    let target = Target {
        secure: true,
        ..sip("192.0.2.7")
    };

    assert_eq!(
        locate(target, &[]),
        Ok(vec![Destination::tls(addr("192.0.2.7:5061"), "192.0.2.7")])
    );
}

#[test]
fn an_explicit_port_skips_naptr_and_srv() {
    let target = Target {
        port: Some(5080),
        ..sip("example.com")
    };
    let zone = [
        naptr("example.com", 1, 1, "SIP+D2T", "_sip._tcp.example.com"),
        srv("_sip._udp.example.com", 0, 0, 5999, "a.example.com"),
        a("example.com", "192.0.2.1"),
    ];

    assert_eq!(
        locate(target, &zone),
        Ok(vec![Destination::udp(addr("192.0.2.1:5080"))])
    );
}

#[test]
fn naptr_decides_the_transport_in_order_and_preference() {
    let zone = [
        naptr("example.com", 60, 50, "SIP+D2U", "_sip._udp.example.com"),
        naptr("example.com", 50, 60, "SIP+D2T", "_sip._tcp.example.com"),
        naptr("example.com", 50, 50, "SIPS+D2T", "_sips._tcp.example.com"),
        naptr("example.com", 10, 50, "E2U+sip", "_x._y.example.com"),
        srv("_sip._udp.example.com", 0, 0, 5060, "a.example.com"),
        srv("_sip._tcp.example.com", 0, 0, 5070, "a.example.com"),
        srv("_sips._tcp.example.com", 0, 0, 5071, "a.example.com"),
        a("a.example.com", "192.0.2.1"),
    ];

    assert_eq!(
        locate(sip("example.com"), &zone),
        Ok(vec![
            Destination::tls(addr("192.0.2.1:5071"), "example.com"),
            Destination::tcp(addr("192.0.2.1:5070")),
            Destination::udp(addr("192.0.2.1:5060")),
        ])
    );
}

#[test]
fn sips_takes_only_the_tls_service() {
    let target = Target {
        secure: true,
        ..sip("example.com")
    };
    let zone = [
        naptr("example.com", 1, 1, "SIP+D2U", "_sip._udp.example.com"),
        naptr("example.com", 2, 1, "SIPS+D2T", "_sips._tcp.example.com"),
        srv("_sip._udp.example.com", 0, 0, 5060, "a.example.com"),
        srv("_sips._tcp.example.com", 0, 0, 5061, "a.example.com"),
        a("a.example.com", "192.0.2.1"),
    ];

    assert_eq!(
        locate(target, &zone),
        Ok(vec![Destination::tls(
            addr("192.0.2.1:5061"),
            "example.com"
        )])
    );
}

#[test]
fn the_transport_parameter_skips_naptr_but_not_srv() {
    let target = Target {
        transport: Some(Transport::Tcp),
        ..sip("example.com")
    };
    let zone = [
        naptr("example.com", 1, 1, "SIP+D2U", "_sip._udp.example.com"),
        srv("_sip._udp.example.com", 0, 0, 5060, "a.example.com"),
        srv("_sip._tcp.example.com", 0, 0, 5070, "a.example.com"),
        a("a.example.com", "192.0.2.1"),
    ];

    assert_eq!(
        locate(target, &zone),
        Ok(vec![Destination::tcp(addr("192.0.2.1:5070"))])
    );
}

#[test]
fn sips_with_transport_tcp_is_tls() {
    let target = Target {
        secure: true,
        transport: Some(Transport::Tcp),
        ..sip("example.com")
    };
    let zone = [a("example.com", "192.0.2.1")];

    assert_eq!(
        locate(target, &zone),
        Ok(vec![Destination::tls(
            addr("192.0.2.1:5061"),
            "example.com"
        )])
    );
}

#[test]
fn the_certificate_is_checked_against_the_domain_and_not_the_srv_target() {
    let target = Target {
        transport: Some(Transport::Tls),
        ..sip("Example.COM")
    };
    let zone = [
        srv("_sips._tcp.Example.COM", 0, 0, 443, "edge7.hosting.net"),
        a("edge7.hosting.net", "192.0.2.1"),
    ];

    assert_eq!(
        locate(target, &zone),
        Ok(vec![Destination::tls(addr("192.0.2.1:443"), "example.com")])
    );
}

#[test]
fn without_naptr_every_transport_of_ours_is_asked_for_udp_first() {
    let zone = [
        srv("_sip._tcp.example.com", 0, 0, 5070, "a.example.com"),
        srv("_sip._udp.example.com", 0, 0, 5060, "a.example.com"),
        a("a.example.com", "192.0.2.1"),
    ];

    assert_eq!(
        locate(sip("example.com"), &zone),
        Ok(vec![
            Destination::udp(addr("192.0.2.1:5060")),
            Destination::tcp(addr("192.0.2.1:5070")),
        ])
    );
}

#[test]
fn without_srv_the_host_itself_is_asked_on_the_default_port() {
    let zone = [
        a("example.com", "192.0.2.1"),
        a("example.com", "2001:db8::1"),
    ];

    assert_eq!(
        locate(sip("example.com"), &zone),
        Ok(vec![
            Destination::udp(addr("192.0.2.1:5060")),
            Destination::udp(addr("[2001:db8::1]:5060")),
        ])
    );
}

#[test]
fn srv_priorities_are_strict_and_every_address_of_a_target_is_kept() {
    let zone = [
        srv("_sip._udp.example.com", 20, 0, 5060, "backup.example.com"),
        srv("_sip._udp.example.com", 10, 0, 5060, "main.example.com"),
        a("main.example.com", "192.0.2.1"),
        a("main.example.com", "192.0.2.2"),
        a("backup.example.com", "192.0.2.3"),
    ];

    let hosts: Vec<_> = locate(sip("example.com"), &zone)
        .unwrap()
        .into_iter()
        .map(|destination| destination.addr.to_string())
        .collect();

    assert_eq!(
        hosts,
        ["192.0.2.1:5060", "192.0.2.2:5060", "192.0.2.3:5060"]
    );
}

#[test]
fn weights_share_the_load_in_their_proportion() {
    let zone = [
        srv("_sip._udp.example.com", 1, 30, 5060, "192.0.2.1"),
        srv("_sip._udp.example.com", 1, 10, 5060, "192.0.2.2"),
    ];
    let mut rng = StdRng::from_seed([7; 32]);

    let first = (0..4000)
        .filter(|_| {
            let found = locate_with(sip("example.com"), &zone, &mut rng).unwrap();
            assert_eq!(found.len(), 2, "both remain for failover");
            found[0].addr == addr("192.0.2.1:5060")
        })
        .count();

    assert!((2850..3150).contains(&first), "{first} of 4000");
}

#[test]
fn a_zero_weight_is_rarely_first_but_never_lost() {
    let zone = [
        srv("_sip._udp.example.com", 1, 0, 5060, "192.0.2.1"),
        srv("_sip._udp.example.com", 1, 100, 5060, "192.0.2.2"),
    ];
    let mut rng = StdRng::from_seed([8; 32]);

    let first = (0..2000)
        .filter(|_| {
            let found = locate_with(sip("example.com"), &zone, &mut rng).unwrap();
            assert_eq!(found.len(), 2);
            found[0].addr == addr("192.0.2.1:5060")
        })
        .count();

    assert!((1..80).contains(&first), "{first} of 2000");
}

#[test]
fn an_srv_target_of_one_dot_means_not_offered() {
    let target = Target {
        transport: Some(Transport::Udp),
        ..sip("example.com")
    };
    let zone = [
        srv("_sip._udp.example.com", 0, 0, 0, "."),
        a("example.com", "192.0.2.1"),
    ];

    assert_eq!(locate(target, &zone), Err(ResolveError::NotOffered));
}

#[test]
fn a_domain_without_any_record_does_not_exist() {
    assert_eq!(
        locate(sip("nowhere.example"), &[]),
        Err(ResolveError::NoSuchDomain)
    );
}

#[test]
fn silent_name_servers_are_told_from_absent_names() {
    let target = sip("example.com");
    let mut rng = StdRng::from_seed([1; 32]);
    let mut answers = Answers::new();

    let outcome = loop {
        match resolve(&target, &answers, &mut rng) {
            Step::Ask(queries) => {
                for query in queries {
                    answers.insert(query, Answer::Failed);
                }
            }
            Step::Done(outcome) => break outcome,
        }
    };

    assert_eq!(outcome, Err(ResolveError::Unavailable));
}

#[test]
fn a_failed_naptr_look_up_does_not_hide_srv() {
    let target = sip("example.com");
    let mut rng = StdRng::from_seed([1; 32]);
    let mut answers = Answers::new();
    answers.insert(Query::Naptr("example.com".into()), Answer::Failed);
    let zone = [srv("_sip._udp.example.com", 0, 0, 5062, "192.0.2.1")];

    assert_eq!(
        drive(&target, &zone, answers, &mut rng),
        Ok(vec![Destination::udp(addr("192.0.2.1:5062"))])
    );
}

#[test]
fn a_zone_full_of_records_gives_a_bounded_list() {
    let zone: Vec<_> = (0..200)
        .map(|n| srv("_sip._udp.example.com", n, 0, 5060, "192.0.2.1"))
        .chain((0..200).map(|n| a("192.0.2.1.example", &format!("192.0.2.{n}"))))
        .collect();

    let found = locate(sip("example.com"), &zone).unwrap();

    assert!(found.len() <= MAX_DESTINATIONS);
}

#[test]
fn a_target_is_read_from_a_uri() {
    let uri = Uri::parse("sips:bob@[2001:db8::1]:5071;transport=TCP").unwrap();
    assert_eq!(
        Target::of_uri(&uri),
        Target {
            host: "2001:db8::1".into(),
            port: Some(5071),
            transport: Some(Transport::Tcp),
            secure: true,
        }
    );
}

#[test]
fn a_trailing_dot_an_unknown_transport_and_maddr_are_understood() {
    let target = |uri: &str| Target::of_uri(&Uri::parse(uri).unwrap());
    assert_eq!(target("sip:example.com."), sip("example.com"));
    assert_eq!(
        target("sip:bob@example.com;transport=sctp"),
        sip("example.com")
    );
    assert_eq!(
        target("sip:bob@example.com;maddr=192.0.2.9"),
        sip("192.0.2.9")
    );
}

type Rr = (Query, Answer);

fn sip(host: &str) -> Target {
    Target {
        host: host.into(),
        port: None,
        transport: None,
        secure: false,
    }
}

fn locate(target: Target, zone: &[Rr]) -> Result<Vec<Destination>, ResolveError> {
    locate_with(target, zone, &mut StdRng::from_seed([1; 32]))
}

fn locate_with(
    target: Target,
    zone: &[Rr],
    rng: &mut StdRng,
) -> Result<Vec<Destination>, ResolveError> {
    drive(&target, zone, Answers::new(), rng)
}

/// Plays the resolver: answers from `zone` until the function is done.
fn drive(
    target: &Target,
    zone: &[Rr],
    mut answers: Answers,
    rng: &mut StdRng,
) -> Result<Vec<Destination>, ResolveError> {
    let zone = merged(zone);
    for _ in 0..5 {
        match resolve(target, &answers, rng) {
            Step::Done(outcome) => return outcome,
            Step::Ask(queries) => {
                assert!(!queries.is_empty(), "asks for something");
                for query in queries {
                    let answer = zone.get(&query).cloned().unwrap_or(Answer::Absent);
                    answers.insert(query, answer);
                }
            }
        }
    }
    panic!("more rounds of questions than RFC 3263 has steps");
}

fn merged(zone: &[Rr]) -> BTreeMap<Query, Answer> {
    let mut all: BTreeMap<Query, Answer> = BTreeMap::new();
    for (query, answer) in zone {
        match (all.get_mut(query), answer) {
            (Some(Answer::Naptr(have)), Answer::Naptr(more)) => have.extend(more.clone()),
            (Some(Answer::Srv(have)), Answer::Srv(more)) => have.extend(more.clone()),
            (Some(Answer::Addresses(have)), Answer::Addresses(more)) => have.extend(more),
            _ => {
                all.insert(query.clone(), answer.clone());
            }
        }
    }
    all
}

fn naptr(domain: &str, order: u16, preference: u16, service: &str, replacement: &str) -> Rr {
    (
        Query::Naptr(domain.into()),
        Answer::Naptr(vec![Naptr {
            order,
            preference,
            service: service.into(),
            replacement: replacement.into(),
        }]),
    )
}

fn srv(name: &str, priority: u16, weight: u16, port: u16, target: &str) -> Rr {
    (
        Query::Srv(name.into()),
        Answer::Srv(vec![Srv {
            priority,
            weight,
            port,
            target: target.into(),
        }]),
    )
}

fn a(host: &str, ip: &str) -> Rr {
    (
        Query::Addresses(host.into()),
        Answer::Addresses(vec![ip.parse().unwrap()]),
    )
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}
