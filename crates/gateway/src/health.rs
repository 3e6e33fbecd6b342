//! `/healthz`: whether the daemon serves, and the ledger of what is alive.
//!
//! Every number outside `permanent` is zero when nobody uses the daemon.

use std::net::IpAddr;
use std::sync::Arc;

use http::StatusCode;
use serde::Serialize;
use tokio::sync::watch;
use warp::Reply;
use warp::reply::Response;

use crate::directory::Directory;
use crate::ledger::{Kind, Ledger};
use crate::sip::CountSip;
use crate::supervisor::Phase;

/// Where the numbers come from.
#[derive(Clone)]
pub struct Sources {
    /// The gateway's own objects.
    pub ledger: Ledger,
    /// Routes to clients and calls.
    pub directory: Directory,
    /// The user agent's.
    pub sip: CountSip,
    /// The media path's.
    pub media: Arc<dyn Fn() -> media::Counts + Send + Sync>,
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sources")
    }
}

/// All live objects of the daemon at one moment.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Snapshot {
    /// Of the gateway.
    pub gateway: GatewayCounts,
    /// Of the user agent.
    pub sip: SipCounts,
    /// Of the media path.
    pub media: MediaCounts,
    /// What lives as long as the daemon.
    pub permanent: PermanentCounts,
}

/// Live objects of the gateway.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct GatewayCounts {
    /// Tasks of connections and calls.
    pub tasks: usize,
    /// WebSockets.
    pub connections: usize,
    /// Accounts of all connections.
    pub accounts: usize,
    /// Calls.
    pub calls: usize,
    /// Accounts that events can reach.
    pub account_routes: usize,
    /// SIP sessions that events can reach.
    pub session_routes: usize,
}

/// Live objects of the user agent.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct SipCounts {
    /// Accounts.
    pub accounts: usize,
    /// Bindings held, being made or being removed.
    pub registrations: usize,
    /// INVITE usages.
    pub sessions: usize,
    /// Dialogs.
    pub dialogs: usize,
    /// Transactions.
    pub transactions: usize,
    /// Timers.
    pub timers: usize,
    /// DNS look-ups under way.
    pub lookups: usize,
}

/// Live objects of the media path.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct MediaCounts {
    /// Legs towards browsers.
    pub browser_legs: usize,
    /// Legs towards phones.
    pub phone_legs: usize,
    /// Ports of phone legs, resting ones included.
    pub phone_ports: usize,
    /// TCP connections of browsers (ICE-TCP).
    pub browser_connections: usize,
    /// Sockets of phone legs.
    pub phone_sockets: usize,
    /// Timers of legs.
    pub timers: usize,
}

/// What lives as long as the daemon.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct PermanentCounts {
    /// Media worker threads.
    pub media_threads: usize,
    /// SIP sockets: UDP, and those that listen.
    pub sip_sockets: usize,
    /// Streams to SIP peers; they outlive the requests they were opened for.
    pub sip_flows: usize,
    /// UDP destinations that are kept alive.
    pub sip_kept_alive: usize,
    /// What has happened on the SIP sockets since the start.
    pub sip_traffic: SipTraffic,
    /// HTTP connections, the one that asks included.
    pub http_connections: usize,
}

/// Messages on the SIP sockets since the start, and what was not let in.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct SipTraffic {
    /// Messages received.
    pub received: u64,
    /// Messages sent.
    pub sent: u64,
    /// Things received that were no message.
    pub malformed: u64,
    /// Requests of strangers, dropped unread.
    pub strangers: u64,
    /// Responses nobody waited for, dropped unread.
    pub flooded: u64,
    /// Streams that were refused or shown out for want of room.
    pub refused_streams: u64,
    /// The longest that one message has kept the user agent, in microseconds.
    pub longest_turn_us: u64,
}

impl Sources {
    /// Counts everything.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let driver = (self.sip)();
        let sip = driver.user_agent;
        let media = (self.media)();
        let (account_routes, session_routes) = self.directory.len();
        Snapshot {
            gateway: GatewayCounts {
                tasks: self.ledger.count(Kind::Task),
                connections: self.ledger.count(Kind::Connection),
                accounts: self.ledger.count(Kind::Account),
                calls: self.ledger.count(Kind::Call),
                account_routes,
                session_routes,
            },
            sip: SipCounts {
                accounts: sip.accounts,
                registrations: sip.registrations,
                sessions: sip.sessions,
                dialogs: sip.dialogs,
                transactions: sip.transactions,
                timers: sip.timers,
                lookups: driver.lookups,
            },
            media: MediaCounts {
                browser_legs: media.browser_legs,
                phone_legs: media.phone_legs,
                phone_ports: media.phone_ports,
                browser_connections: media.browser_connections,
                phone_sockets: media.phone_sockets,
                timers: media.timers,
            },
            permanent: PermanentCounts {
                media_threads: media.threads,
                sip_sockets: driver.sockets,
                sip_flows: driver.flows,
                sip_kept_alive: driver.kept,
                sip_traffic: SipTraffic {
                    received: driver.received,
                    sent: driver.sent,
                    malformed: driver.malformed + driver.turned_away.malformed,
                    strangers: driver.turned_away.strangers,
                    flooded: driver.turned_away.flooded,
                    refused_streams: driver.refused,
                    longest_turn_us: driver
                        .longest_turn
                        .as_micros()
                        .try_into()
                        .unwrap_or(u64::MAX),
                },
                http_connections: self.ledger.count(Kind::Http),
            },
        }
    }
}

impl Snapshot {
    /// Whether nothing is left but what lives as long as the daemon.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        let empty = Self {
            gateway: GatewayCounts {
                tasks: 0,
                connections: 0,
                accounts: 0,
                calls: 0,
                account_routes: 0,
                session_routes: 0,
            },
            sip: SipCounts {
                accounts: 0,
                registrations: 0,
                sessions: 0,
                dialogs: 0,
                transactions: 0,
                timers: 0,
                lookups: 0,
            },
            media: MediaCounts {
                browser_legs: 0,
                phone_legs: 0,
                phone_ports: 0,
                browser_connections: 0,
                phone_sockets: 0,
                timers: 0,
            },
            permanent: self.permanent.clone(),
        };
        *self == empty
    }
}

/// The answer to `GET /healthz`.
#[derive(Debug, Clone)]
pub struct HealthRoute {
    /// Whether others than loopback clients are answered.
    pub public: bool,
    /// Whether the daemon starts, serves or stops.
    pub phase: watch::Receiver<Phase>,
    /// Where the numbers come from.
    pub sources: Sources,
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
    ledger: Snapshot,
}

impl HealthRoute {
    /// Answers a client at this address.
    #[must_use]
    pub fn answer(&self, client: IpAddr) -> Response {
        if !self.public && !client.to_canonical().is_loopback() {
            return StatusCode::NOT_FOUND.into_response();
        }
        let phase = *self.phase.borrow();
        let (code, status) = match phase {
            Phase::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
            Phase::Ready => (StatusCode::OK, "ok"),
            Phase::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        };
        let health = Health {
            status,
            version: env!("CARGO_PKG_VERSION"),
            ledger: self.sources.snapshot(),
        };
        warp::reply::with_status(warp::reply::json(&health), code).into_response()
    }
}
