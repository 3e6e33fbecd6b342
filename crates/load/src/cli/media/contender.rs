//! Who takes a turn in a round, and how clients come in there.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::daemon::Daemon;
use crate::door::Door;
use crate::janus::Janus;
use crate::relay::Relay;
use crate::round::Carried;
use crate::rtpengine::Rtpengine;

/// What is under load.
pub(super) enum Contender {
    Ours(Daemon),
    Elsewhere { ws: String, pid: u32 },
    Floor(Arc<Relay>),
    Janus(Janus),
    Rtpengine(Rtpengine),
}

impl Contender {
    pub(super) fn name(&self) -> &'static str {
        self.door(Carried::Relayed).name()
    }

    pub(super) fn door(&self, carried: Carried) -> Door {
        match self {
            Self::Ours(daemon) => Door::Sylk {
                ws: format!("ws://{}/webrtcgateway/ws", daemon.web()),
            },
            Self::Elsewhere { ws, .. } => Door::Sylk { ws: ws.clone() },
            Self::Floor(relay) => Door::Floor {
                relay: relay.clone(),
            },
            Self::Janus(janus) => Door::Janus {
                ws: janus.ws(),
                media: janus.media(),
            },
            Self::Rtpengine(rtpengine) => Door::Rtpengine {
                ng: rtpengine.ng(),
                carried,
            },
        }
    }

    /// Where its pages connect, if it is a sylk-gateway.
    pub(super) async fn web(&self) -> Option<io::Result<SocketAddr>> {
        match self {
            Self::Ours(daemon) => Some(Ok(daemon.web())),
            Self::Elsewhere { ws, .. } => {
                let host = ws.trim_start_matches("ws://").split('/').next();
                let found = tokio::net::lookup_host(host.unwrap_or_default()).await;
                let first = found
                    .and_then(|mut all| all.next().ok_or_else(|| io::ErrorKind::NotFound.into()));
                Some(first)
            }
            Self::Floor(_) | Self::Janus(_) | Self::Rtpengine(_) => None,
        }
    }

    pub(super) fn pid(&self) -> u32 {
        match self {
            Self::Ours(daemon) => daemon.pid(),
            Self::Elsewhere { pid, .. } => *pid,
            Self::Floor(relay) => relay.pid(),
            Self::Janus(janus) => janus.pid(),
            Self::Rtpengine(rtpengine) => rtpengine.pid(),
        }
    }
}
