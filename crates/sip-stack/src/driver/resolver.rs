//! Asking the DNS what [`target::resolve`] wants to know.
//!
//! Equal look-ups share one task, and each asker draws an order of its own from the answers:
//! a thousand accounts that ask at once spread by weight (RFC 2782). Answers are cached by
//! hickory, as long as the records allow, and what they came to by `memory.rs`. Every look-up
//! ends within [`LOOKUP_LIMIT`].

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ProtocolConfig, ResolverConfig,
};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::input::Input;
use super::now;
use crate::target::{
    self, Answer, Answers, Naptr, Query, ResolveError, ResolveId, ResolveRequest, Srv, Step, Target,
};
use crate::transport::{Destination, LocalAddresses};

mod memory;

use memory::Memory;

/// For all questions of one look-up together.
const LOOKUP_LIMIT: Duration = Duration::from_secs(10);
/// The same where an old answer can stand in (RFC 8767 §5): nobody's call waits longer.
const STALE_AFTER: Duration = Duration::from_secs(2);
/// For one question to one name server.
const QUESTION_LIMIT: Duration = Duration::from_secs(2);
/// Answers that are remembered.
const CACHED_ANSWERS: u64 = 4096;
/// Look-ups at a time; further ones fail at once.
const MAX_LOOKUPS: usize = 1024;

/// Which kinds of address are any use to us, and which is tried first (RFC 7984): the one
/// that the operator named first among our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Families {
    V4,
    V6,
    V4First,
    V6First,
}

impl Families {
    pub(super) fn of(local: &LocalAddresses) -> Self {
        let mut ours = local.iter().map(|(_, addr)| addr.is_ipv4());
        let first_is_v4 = ours.next().unwrap_or(true);
        let has_other = ours.any(|is_v4| is_v4 != first_is_v4);
        match (first_is_v4, has_other) {
            (true, false) => Self::V4,
            (false, false) => Self::V6,
            (true, true) => Self::V4First,
            (false, true) => Self::V6First,
        }
    }

    fn put_in_order(self, ips: &mut [IpAddr]) {
        match self {
            Self::V4 | Self::V6 => {}
            Self::V4First => ips.sort_by_key(|ip| !ip.is_ipv4()),
            Self::V6First => ips.sort_by_key(|ip| ip.is_ipv4()),
        }
    }
}

pub(super) struct Resolver {
    dns: TokioResolver,
    asking: HashMap<Target, Vec<ResolveId>>,
    memory: Memory<Answers>,
    families: Families,
    inputs: mpsc::Sender<Input>,
    rng: StdRng,
}

impl Resolver {
    pub(super) fn new(
        name_servers: &[SocketAddr],
        families: Families,
        inputs: mpsc::Sender<Input>,
        rng: StdRng,
    ) -> io::Result<Self> {
        let mut builder = if name_servers.is_empty() {
            TokioResolver::builder_tokio().map_err(io::Error::other)?
        } else {
            let servers = name_servers.iter().map(|addr| name_server(*addr)).collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.timeout = QUESTION_LIMIT;
        options.attempts = 2;
        options.cache_size = CACHED_ANSWERS;
        options.ip_strategy = match families {
            Families::V4 => LookupIpStrategy::Ipv4Only,
            Families::V6 => LookupIpStrategy::Ipv6Only,
            Families::V4First | Families::V6First => LookupIpStrategy::Ipv4AndIpv6,
        };
        Ok(Self {
            dns: builder.build().map_err(io::Error::other)?,
            asking: HashMap::new(),
            memory: Memory::default(),
            families,
            inputs,
            rng,
        })
    }

    /// Starts a look-up, or joins one under way. The result comes as [`Input::Resolved`].
    pub(super) fn ask(
        &mut self,
        request: ResolveRequest,
        tasks: &mut JoinSet<()>,
    ) -> Result<(), ResolveError> {
        let ResolveRequest { id, target } = request;
        if let Some(waiting) = self.asking.get_mut(&target) {
            waiting.push(id);
            return Ok(());
        }
        if let Some(why) = self.memory.absent(&target, now()) {
            return Err(why);
        }
        if self.asking.len() >= MAX_LOOKUPS {
            tracing::warn!(limit = MAX_LOOKUPS, "too many look-ups: one refused");
            return Err(ResolveError::Unavailable);
        }
        self.asking.insert(target.clone(), vec![id]);
        let limit = match self.memory.is_known(&target, now()) {
            true => STALE_AFTER,
            false => LOOKUP_LIMIT,
        };
        let (dns, families) = (self.dns.clone(), self.families);
        let inputs = self.inputs.clone();
        let rng = StdRng::from_seed(self.rng.random());
        tasks.spawn(async move {
            let result = match timeout(limit, inquire(&dns, families, &target, rng)).await {
                Ok(result) => result,
                Err(_) => Err(ResolveError::Unavailable),
            };
            tracing::debug!(host = target.host, ?result, "looked up");
            // Nobody left to hear it: the driver has ended.
            let _ = inputs.send(Input::Resolved { target, result }).await;
        });
        Ok(())
    }

    /// What to make of a result.
    pub(super) fn note(
        &mut self,
        target: &Target,
        result: Result<Answers, ResolveError>,
    ) -> Result<Answers, ResolveError> {
        self.memory.note(target, result, now())
    }

    /// Where one asker goes, by answers that suffice.
    pub(super) fn draw(
        &mut self,
        target: &Target,
        answers: &Answers,
    ) -> Result<Vec<Destination>, ResolveError> {
        match target::resolve(target, answers, &mut self.rng) {
            Step::Done(result) => result,
            Step::Ask(_) => Err(ResolveError::Unavailable),
        }
    }

    /// Everybody who asked for `target`; it is no longer being asked for.
    pub(super) fn take_askers(&mut self, target: &Target) -> Vec<ResolveId> {
        self.asking.remove(target).unwrap_or_default()
    }

    pub(super) fn lookups(&self) -> usize {
        self.asking.len()
    }
}

fn name_server(addr: SocketAddr) -> NameServerConfig {
    let connections = [ProtocolConfig::Udp, ProtocolConfig::Tcp]
        .into_iter()
        .map(|protocol| {
            let mut connection = ConnectionConfig::new(protocol);
            connection.port = addr.port();
            connection
        })
        .collect();
    NameServerConfig::new(addr.ip(), true, connections)
}

/// Asks until the answers suffice.
async fn inquire(
    dns: &TokioResolver,
    families: Families,
    target: &Target,
    mut rng: StdRng,
) -> Result<Answers, ResolveError> {
    let mut answers = Answers::new();
    loop {
        let queries = match target::resolve(target, &answers, &mut rng) {
            Step::Ask(queries) => queries,
            Step::Done(result) => return result.map(|_| answers),
        };
        let mut asked = JoinSet::new();
        for query in queries {
            let dns = dns.clone();
            asked.spawn(async move {
                let mut answer = ask(&dns, &query).await;
                if let Answer::Addresses(ips) = &mut answer {
                    families.put_in_order(ips);
                }
                tracing::trace!(?query, ?answer, "DNS");
                (query, answer)
            });
        }
        while let Some(answered) = asked.join_next().await {
            let Ok((query, answer)) = answered else {
                return Err(ResolveError::Unavailable);
            };
            answers.insert(query, answer);
        }
    }
}

async fn ask(dns: &TokioResolver, query: &Query) -> Answer {
    let answer = match query {
        Query::Naptr(name) => dns
            .lookup(absolute(name), RecordType::NAPTR)
            .await
            .map(|found| Answer::Naptr(naptr_records(&found))),
        Query::Srv(name) => dns
            .lookup(absolute(name), RecordType::SRV)
            .await
            .map(|found| Answer::Srv(srv_records(&found))),
        // A name without a dot is a host of ours: the search list may complete it.
        Query::Addresses(host) if !host.contains('.') => dns
            .lookup_ip(host.as_str())
            .await
            .map(|found| Answer::Addresses(found.iter().collect())),
        Query::Addresses(host) => dns
            .lookup_ip(absolute(host))
            .await
            .map(|found| Answer::Addresses(found.iter().collect())),
    };
    answer.unwrap_or_else(|error| absence(query, &error))
}

fn absolute(name: &str) -> String {
    format!("{name}.")
}

fn absence(query: &Query, error: &NetError) -> Answer {
    if error.is_no_records_found() {
        return Answer::Absent;
    }
    tracing::debug!(?query, %error, "name server trouble");
    Answer::Failed
}

fn naptr_records(found: &Lookup) -> Vec<Naptr> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut records = Vec::new();
    for record in found.answers() {
        if let RData::NAPTR(naptr) = &record.data
            && naptr.flags.eq_ignore_ascii_case(b"s")
        {
            records.push(Naptr {
                order: naptr.order,
                preference: naptr.preference,
                service: text(&naptr.services),
                replacement: naptr.replacement.to_ascii(),
            });
        }
    }
    records
}

fn srv_records(found: &Lookup) -> Vec<Srv> {
    let mut records = Vec::new();
    for record in found.answers() {
        if let RData::SRV(srv) = &record.data {
            records.push(Srv {
                priority: srv.priority,
                weight: srv.weight,
                port: srv.port,
                target: srv.target.to_ascii(),
            });
        }
    }
    records
}
