//! Locating SIP servers (RFC 3263) as a pure function of DNS answers.
//!
//! [`resolve`] looks at what is known so far and says either what else has to be asked
//! or where to send, best destination first. It asks nobody itself; a resolver driver
//! does, and puts the [`Answer`]s into [`Answers`] until it gets [`Step::Done`]. Trying
//! the next destination after a failure (§4.3) is the transaction layer's work.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use rand::Rng;

use crate::message::Uri;
use crate::transport::{Destination, Transport};

mod srv;

pub use srv::Srv;

/// NAPTR and SRV records looked at for one target; further ones are ignored.
pub const MAX_RECORDS: usize = 16;
/// Destinations one target can give; further ones are ignored.
pub const MAX_DESTINATIONS: usize = 16;

/// What to locate: the parts of a URI (or of a Route) that RFC 3263 looks at.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// Domain name or IP literal, without brackets.
    pub host: String,
    /// The port written in the URI. It switches SRV off.
    pub port: Option<u16>,
    /// The `transport=` parameter.
    pub transport: Option<Transport>,
    /// The scheme is `sips`: every hop has to be TLS.
    pub secure: bool,
}

impl Target {
    /// What RFC 3263 looks at in `uri`, `maddr` included. A transport that we do not have
    /// counts as none; a URI without a host has an empty one, which nothing resolves.
    pub fn of_uri(uri: &Uri) -> Self {
        let host = match uri.param("maddr") {
            Some(maddr) => maddr.into_owned(),
            None => uri.host().map(|host| host.to_string()).unwrap_or_default(),
        };
        Self {
            host: host
                .trim_matches(['[', ']'])
                .trim_end_matches('.')
                .to_owned(),
            port: uri.port(),
            transport: uri
                .param("transport")
                .and_then(|name| Transport::from_name(&name)),
            secure: uri.is_sips(),
        }
    }

    /// The address literal of `host`, if it is one.
    fn ip(&self) -> Option<IpAddr> {
        self.host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse()
            .ok()
    }

    /// What the URI itself demands: `transport=`, made secure by the scheme (§4.1).
    fn demanded(&self) -> Option<Transport> {
        match (self.transport, self.secure) {
            (None, _) => None,
            (Some(_), true) => Some(Transport::Tls),
            (Some(transport), false) => Some(transport),
        }
    }

    /// The transport where nothing else says which: UDP for `sip`, TLS for `sips`.
    fn default_transport(&self) -> Transport {
        self.demanded().unwrap_or(if self.secure {
            Transport::Tls
        } else {
            Transport::Udp
        })
    }

    fn destination(&self, transport: Transport, ip: IpAddr, port: u16) -> Destination {
        Destination {
            transport,
            addr: SocketAddr::new(ip, port),
            tls_name: (transport == Transport::Tls).then(|| self.host.to_ascii_lowercase()),
            flow: None,
        }
    }
}

/// A question for the DNS. Names carry no trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Query {
    /// NAPTR records of a domain.
    Naptr(String),
    /// SRV records of `_service._proto.domain`.
    Srv(String),
    /// A and AAAA records of a host.
    Addresses(String),
}

/// What the DNS said to one [`Query`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// NAPTR records, in any order.
    Naptr(Vec<Naptr>),
    /// SRV records, in any order.
    Srv(Vec<Srv>),
    /// Addresses, in the order they are to be tried.
    Addresses(Vec<IpAddr>),
    /// The name or the record type does not exist.
    Absent,
    /// No usable answer: time-out, SERVFAIL, no name server.
    Failed,
}

/// One NAPTR record with the flag `s` (RFC 3263 §4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naptr {
    /// Lower is looked at first.
    pub order: u16,
    /// Lower is better among equal `order`.
    pub preference: u16,
    /// `SIP+D2U`, `SIP+D2T`, `SIPS+D2T`; others are ignored.
    pub service: String,
    /// The name whose SRV records to ask for.
    pub replacement: String,
}

impl Naptr {
    fn transport(&self) -> Option<Transport> {
        match self.service.to_ascii_uppercase().as_str() {
            "SIP+D2U" => Some(Transport::Udp),
            "SIP+D2T" => Some(Transport::Tcp),
            "SIPS+D2T" => Some(Transport::Tls),
            _ => None,
        }
    }
}

/// Everything the DNS has said so far about one target.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    by_query: BTreeMap<Query, Answer>,
}

impl Answers {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes what was answered to `query`.
    pub fn insert(&mut self, query: Query, answer: Answer) {
        self.by_query.insert(query, answer);
    }

    fn failed(&self) -> bool {
        self.by_query
            .values()
            .any(|answer| *answer == Answer::Failed)
    }
}

/// What [`resolve`] wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask these (at once, if you like), note the answers, call again.
    Ask(Vec<Query>),
    /// Where to send, best first, never empty; or why there is nowhere.
    Done(Result<Vec<Destination>, ResolveError>),
}

/// Why a target has no destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResolveError {
    /// The DNS knows no such domain or host.
    NoSuchDomain,
    /// The domain says by its records that it does not offer the service we need.
    NotOffered,
    /// The DNS could not be asked; another attempt may succeed.
    Unavailable,
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSuchDomain => "no such domain",
            Self::NotOffered => "service not offered by the domain",
            Self::Unavailable => "name servers did not answer",
        })
    }
}

impl std::error::Error for ResolveError {}

/// Names one look-up until it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResolveId(pub u64);

/// A look-up the driver is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolveRequest {
    /// To be given back with the result.
    pub id: ResolveId,
    /// What to locate.
    pub target: Target,
}

/// One step of RFC 3263 §4.1 and §4.2. `rng` decides among SRV records of equal priority.
pub fn resolve(target: &Target, answers: &Answers, rng: &mut impl Rng) -> Step {
    if let Some(ip) = target.ip() {
        let transport = target.default_transport();
        let port = target.port.unwrap_or_else(|| transport.default_port());
        return Step::Done(Ok(vec![target.destination(transport, ip, port)]));
    }
    if let Some(port) = target.port {
        return by_address(target, target.default_transport(), port, answers);
    }
    let services = match services(target, answers) {
        Ok(services) => services,
        Err(ask) => return ask,
    };
    by_srv(target, &services, answers, rng)
}

/// A transport with the name to ask SRV records of.
struct Service {
    transport: Transport,
    name: String,
}

/// Which services to ask for, best first: as the URI demands, as NAPTR says, or all we can.
fn services(target: &Target, answers: &Answers) -> Result<Vec<Service>, Step> {
    if let Some(transport) = target.demanded() {
        return Ok(vec![well_known_service(transport, &target.host)]);
    }
    let query = Query::Naptr(target.host.clone());
    let mut records = match answers.by_query.get(&query) {
        None => return Err(Step::Ask(vec![query])),
        Some(Answer::Naptr(records)) => records.clone(),
        // Many name servers mishandle NAPTR: SRV deserves its chance even then.
        Some(Answer::Absent | Answer::Failed | Answer::Srv(_) | Answer::Addresses(_)) => Vec::new(),
    };
    records.truncate(MAX_RECORDS);
    records.sort_by_key(|record| (record.order, record.preference));
    let named: Vec<_> = records
        .into_iter()
        .filter_map(|record| {
            let transport = record.transport()?;
            let allowed = !target.secure || transport == Transport::Tls;
            let name = record.replacement.trim_end_matches('.').to_owned();
            (allowed && !name.is_empty()).then_some(Service { transport, name })
        })
        .collect();
    if !named.is_empty() {
        return Ok(named);
    }
    let ours: &[Transport] = if target.secure {
        &[Transport::Tls]
    } else {
        &[Transport::Udp, Transport::Tcp, Transport::Tls]
    };
    Ok(ours
        .iter()
        .map(|transport| well_known_service(*transport, &target.host))
        .collect())
}

fn well_known_service(transport: Transport, domain: &str) -> Service {
    let prefix = match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp => "_sip._tcp",
        Transport::Tls => "_sips._tcp",
    };
    Service {
        transport,
        name: format!("{prefix}.{domain}"),
    }
}

fn by_srv(target: &Target, services: &[Service], answers: &Answers, rng: &mut impl Rng) -> Step {
    let mut missing = Vec::new();
    let mut found: Vec<(Transport, &[Srv])> = Vec::new();
    for service in services {
        let query = Query::Srv(service.name.clone());
        match answers.by_query.get(&query) {
            None => missing.push(query),
            Some(Answer::Srv(records)) => {
                let records = &records[..records.len().min(MAX_RECORDS)];
                found.push((service.transport, records));
            }
            Some(Answer::Absent | Answer::Failed | Answer::Naptr(_) | Answer::Addresses(_)) => {}
        }
    }
    if !missing.is_empty() {
        return Step::Ask(missing);
    }
    if found.iter().all(|(_, records)| records.is_empty()) {
        let transport = target.default_transport();
        return by_address(target, transport, transport.default_port(), answers);
    }
    let offered: Vec<_> = found
        .into_iter()
        .map(|(transport, records)| {
            // RFC 2782: the target "." means that the service is decidedly not there.
            let records = records.iter().filter(|srv| !srv.target_name().is_empty());
            (transport, records.collect::<Vec<_>>())
        })
        .collect();
    if offered.iter().all(|(_, records)| records.is_empty()) {
        return Step::Done(Err(ResolveError::NotOffered));
    }
    addresses_of_srv(target, &offered, answers, rng)
}

fn addresses_of_srv(
    target: &Target,
    offered: &[(Transport, Vec<&Srv>)],
    answers: &Answers,
    rng: &mut impl Rng,
) -> Step {
    let mut missing: Vec<_> = offered
        .iter()
        .flat_map(|(_, records)| records)
        .filter(|srv| srv.ip().is_none())
        .map(|srv| Query::Addresses(srv.target_name().to_owned()))
        .filter(|query| !answers.by_query.contains_key(query))
        .collect();
    if !missing.is_empty() {
        missing.sort();
        missing.dedup();
        return Step::Ask(missing);
    }
    let mut destinations = Vec::new();
    for (transport, records) in offered {
        for srv in srv::in_order(records, rng) {
            let ips = match srv.ip() {
                Some(ip) => vec![ip],
                None => addresses(answers, srv.target_name()).to_vec(),
            };
            destinations.extend(
                ips.into_iter()
                    .map(|ip| target.destination(*transport, ip, srv.port)),
            );
        }
    }
    done(destinations, answers)
}

fn by_address(target: &Target, transport: Transport, port: u16, answers: &Answers) -> Step {
    let host = target.host.trim_end_matches('.');
    let query = Query::Addresses(host.to_owned());
    if !answers.by_query.contains_key(&query) {
        return Step::Ask(vec![query]);
    }
    let destinations = addresses(answers, host)
        .iter()
        .map(|ip| target.destination(transport, *ip, port))
        .collect();
    done(destinations, answers)
}

fn addresses<'a>(answers: &'a Answers, host: &str) -> &'a [IpAddr] {
    match answers.by_query.get(&Query::Addresses(host.to_owned())) {
        Some(Answer::Addresses(ips)) => ips,
        Some(Answer::Naptr(_) | Answer::Srv(_) | Answer::Absent | Answer::Failed) | None => &[],
    }
}

fn done(mut destinations: Vec<Destination>, answers: &Answers) -> Step {
    let mut seen = Vec::new();
    destinations.retain(|destination| {
        let new = !seen.contains(destination);
        if new {
            seen.push(destination.clone());
        }
        new
    });
    destinations.truncate(MAX_DESTINATIONS);
    Step::Done(match (destinations.is_empty(), answers.failed()) {
        (false, _) => Ok(destinations),
        (true, true) => Err(ResolveError::Unavailable),
        (true, false) => Err(ResolveError::NoSuchDomain),
    })
}

#[cfg(test)]
mod tests;
