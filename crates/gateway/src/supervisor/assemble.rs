//! Puts the parts of the daemon together.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use media::music::Encoding;
use media::sdp::AddressPolicy;
use media::{
    BrowserAddress, BrowserHost, Limits as MediaLimits, Media, MediaConfig, PhoneAddress, TcpPort,
};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Gateway, Phase, StartError};
use crate::account::Seats;
use crate::backend::{Backend, Numbers, Rules};
use crate::config::{self, Config};
use crate::directory::Directory;
use crate::health::{HealthRoute, Sources};
use crate::ledger::{Kind, Ledger};
use crate::metrics::{Metrics, MetricsRoute};
use crate::random::Random;
use crate::routes::Routes;
use crate::signaling::sylkrtc::http::{self, FrontDoor, Pages};
use crate::signaling::sylkrtc::origin::Origins;
use crate::sip::{Dispatcher, SipAgent};
use crate::tasks::Tasks;
use crate::web::{self, Peers, Serving};

pub(super) async fn assemble(config: Config, pages: Pages) -> Result<Gateway, StartError> {
    let (phase, phase_seen) = watch::channel(Phase::Starting);
    let random = Random::from_system();
    let ledger = Ledger::default();
    let directory = Directory::default();
    let tasks = |name, kind| Tasks::new(name, kind, ledger.clone());
    let http_tasks = tasks("http", Kind::Http);
    let connections = tasks("connection", Kind::Task);
    let calls = tasks("call", Kind::Task);

    let mut listeners = Vec::new();
    for listen in &config.web.listen {
        listeners.push(web::bind(listen).await.map_err(StartError::Web)?);
    }
    let web_addresses: Vec<SocketAddr> = listeners.iter().map(web::Bound::address).collect();
    let (sip, events) = SipAgent::start(&config).map_err(StartError::Sip)?;
    let media = Media::start(media_config(&config)).map_err(StartError::Media)?;
    let media = Arc::new(media);

    let sources = Sources {
        ledger: ledger.clone(),
        directory: directory.clone(),
        sip: sip.counts(),
        media: {
            let media = media.clone();
            Arc::new(move || media.counts())
        },
    };
    let metrics = Metrics::default();
    let routes = Routes::new(&config, phone_addresses(&config, &web_addresses));
    let (routes, encodings) = routes.map_err(StartError::Music)?;
    let backend = Arc::new(Backend {
        sip: sip.handle(),
        media: media.clone(),
        directory: directory.clone(),
        ledger: ledger.clone(),
        calls: calls.clone(),
        limits: config.limits.clone(),
        rules: Rules {
            domains: config.sip.domains.clone(),
            outbound_proxy: config.sip.proxy(),
            registration_expiry: config.sip.registration_expiry_seconds,
            sip_domains: config.sip.domain.clone(),
            accounts: config.account.clone(),
            decline_code: config.sip.decline_code,
            media: routes,
            srtp: config.sip.srtp,
            srtp_without_tls: config.sip.srtp_without_tls,
            video: config.media.video,
        },
        phase: phase_seen.clone(),
        seats: Seats::default(),
        numbers: Arc::new(Numbers::new(random)),
        metrics: metrics.clone(),
    });
    let own_hosts = config.web.listen.iter();
    let own_hosts = own_hosts.filter_map(|listen| listen.advertised.clone());
    let loopback_only = web_addresses.iter().all(|web| web.ip().is_loopback());
    let door = FrontDoor {
        backend,
        connections: connections.clone(),
        origins: Arc::new(Origins::new(
            &config.web.origins,
            own_hosts.collect(),
            loopback_only,
        )),
        health: HealthRoute {
            public: config.health.public,
            phase: phase_seen.clone(),
            sources: sources.clone(),
        },
        metrics: MetricsRoute {
            public: config.health.public,
            sources: sources.clone(),
            metrics,
        },
        pages,
    };
    let mut music = JoinSet::new();
    let wanted = phase_seen.clone();
    music.spawn_blocking(move || encode(encodings, &wanted));
    let serving = Serving {
        tasks: http_tasks.clone(),
        peers: Peers::new(config.limits.connections_per_address),
        handshake: Duration::from_secs(config.limits.handshake_seconds),
        phase: phase_seen,
    };
    let mut plumbing = JoinSet::new();
    plumbing.spawn(Dispatcher::new(sip.handle(), directory).run(events));
    for listener in listeners {
        let (door, serving) = (door.clone(), serving.clone());
        plumbing.spawn(listener.serve(serving, move |peer| http::service(&door, peer)));
    }
    Ok(Gateway {
        phase,
        web_addresses,
        plumbing,
        music,
        http: http_tasks,
        connections,
        calls,
        sip,
        media,
        sources,
        stop_limit: Duration::from_secs(config.limits.stop_seconds),
    })
}

/// Encodes the music on hold, unless the daemon stops first.
fn encode(encodings: Vec<Encoding>, phase: &watch::Receiver<Phase>) {
    for encoding in encodings {
        tracing::debug!(?encoding, "encoding music on hold");
        encoding.run(|| phase.has_changed().is_ok() && *phase.borrow() != Phase::Stopping);
    }
}

fn media_config(config: &Config) -> MediaConfig {
    let config::Media { browser, phone, .. } = &config.media;
    let [first, last] = phone.ports;
    MediaConfig {
        workers: config.media.workers,
        browser: BrowserAddress {
            hosts: browser
                .hosts()
                .map(|(bind, advertised)| BrowserHost { bind, advertised })
                .collect(),
            port: browser.port,
            tcp: match browser.tcp_port {
                _ if !browser.tcp => TcpPort::Off,
                None => TcpPort::SameAsUdp,
                Some(port) => TcpPort::From(port),
            },
        },
        phone: PhoneAddress {
            bind: phone.address,
            advertised: phone.told().to_vec(),
            ports: first..=last,
        },
        limits: MediaLimits {
            silence: Duration::from_secs(config.media.inactivity_seconds),
            ..MediaLimits::default()
        },
    }
}

/// What phones may ask for: media must never go to a socket of our own that is no phone leg.
fn phone_addresses(config: &Config, web: &[SocketAddr]) -> AddressPolicy {
    let sip = config.sip.listen.iter();
    let sip = sip.flat_map(|listen| [Some(listen.address), listen.advertised]);
    let browser = &config.media.browser;
    let workers = config.media.workers.try_into().unwrap_or(u16::MAX);
    let ports = [browser.port, browser.tcp_port.unwrap_or(browser.port)];
    let browser = ports.into_iter().flat_map(|first| {
        (first..first.saturating_add(workers)).flat_map(|port| {
            let hosts = browser.hosts();
            hosts.flat_map(move |(bound, advertised)| {
                [Some(bound), advertised].map(|ip| ip.map(|ip| SocketAddr::new(ip, port)))
            })
        })
    });
    AddressPolicy {
        allow_loopback: config.media.allow_loopback,
        refused: web
            .iter()
            .copied()
            .chain(sip.flatten())
            .chain(browser.flatten())
            .collect(),
    }
}
