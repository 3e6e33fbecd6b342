//! Asking the DNS what [`target::resolve`] wants to know.
//!
//! Equal look-ups share one task; answers are cached by hickory, as long as the records
//! allow. Every look-up ends within [`LOOKUP_LIMIT`].

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
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

use super::run::Input;
use crate::target::{
    self, Answer, Answers, Naptr, Query, ResolveError, ResolveId, ResolveRequest, Srv, Step, Target,
};
use crate::transport::Destination;

/// For all questions of one look-up together.
const LOOKUP_LIMIT: Duration = Duration::from_secs(10);
/// For one question to one name server.
const QUESTION_LIMIT: Duration = Duration::from_secs(2);
/// Answers that are remembered.
const CACHED_ANSWERS: u64 = 4096;
/// Look-ups at a time; further ones fail at once.
const MAX_LOOKUPS: usize = 1024;

pub(super) struct Resolver {
    dns: TokioResolver,
    asking: HashMap<Target, Vec<ResolveId>>,
    inputs: mpsc::Sender<Input>,
    rng: StdRng,
}

impl Resolver {
    /// `v4` and `v6` say which kinds of address are any use to us.
    pub(super) fn new(
        name_servers: &[SocketAddr],
        (v4, v6): (bool, bool),
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
        options.ip_strategy = match (v4, v6) {
            (true, false) => LookupIpStrategy::Ipv4Only,
            (false, true) => LookupIpStrategy::Ipv6Only,
            (true, true) | (false, false) => LookupIpStrategy::Ipv4AndIpv6,
        };
        Ok(Self {
            dns: builder.build().map_err(io::Error::other)?,
            asking: HashMap::new(),
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
        if self.asking.len() >= MAX_LOOKUPS {
            tracing::warn!(limit = MAX_LOOKUPS, "too many look-ups: one refused");
            return Err(ResolveError::Unavailable);
        }
        self.asking.insert(target.clone(), vec![id]);
        let dns = self.dns.clone();
        let inputs = self.inputs.clone();
        let rng = StdRng::from_seed(self.rng.random());
        tasks.spawn(async move {
            let result = match timeout(LOOKUP_LIMIT, locate(&dns, &target, rng)).await {
                Ok(result) => result,
                Err(_) => Err(ResolveError::Unavailable),
            };
            tracing::debug!(host = target.host, ?result, "looked up");
            // Nobody left to hear it: the driver has ended.
            let _ = inputs.send(Input::Resolved { target, result }).await;
        });
        Ok(())
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

async fn locate(
    dns: &TokioResolver,
    target: &Target,
    mut rng: StdRng,
) -> Result<Vec<Destination>, ResolveError> {
    let mut answers = Answers::new();
    loop {
        let queries = match target::resolve(target, &answers, &mut rng) {
            Step::Ask(queries) => queries,
            Step::Done(result) => return result,
        };
        let mut asked = JoinSet::new();
        for query in queries {
            let dns = dns.clone();
            asked.spawn(async move {
                let answer = ask(&dns, &query).await;
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
