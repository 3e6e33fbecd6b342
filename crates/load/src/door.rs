//! A gateway's front door as a client uses it: sylkRTC, Janus's WebSocket, rtpengine's ng, or the
//! bare relay, which has none.
//!
//! Whichever it is, a client opens it, calls, stays, and hangs up.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::far_end::FarEnd;
use crate::janus::JanusPage;
use crate::relay::{Relay, RelayCall};
use crate::round::Carried;
use crate::rtpengine::NgCall;
use crate::signalling::{Call, Page, SignallingError};

/// Where clients come in, and what is spoken there.
#[derive(Clone, Debug)]
pub enum Door {
    /// A sylk-gateway's WebSocket: sylkRTC-2.
    Sylk {
        /// Its URL.
        ws: String,
    },
    /// A Janus's WebSocket, for its SIP plug-in.
    Janus {
        /// Its URL.
        ws: String,
        /// Where its media is.
        media: IpAddr,
    },
    /// An rtpengine's control socket. It knows no SIP: the client itself takes the offer to the
    /// far end and the answer back.
    Rtpengine {
        /// Where it listens (UDP).
        ng: SocketAddr,
        /// What it is asked to do.
        carried: Carried,
    },
    /// The bare relay: plain RTP, and nothing to agree on.
    Floor {
        /// Its process.
        relay: Arc<Relay>,
    },
}

impl Door {
    /// Where clients have their sockets, so that what they send stays on this machine.
    #[must_use]
    pub fn local_ip(&self) -> IpAddr {
        match self {
            Self::Sylk { .. } | Self::Rtpengine { .. } | Self::Floor { .. } => {
                Ipv4Addr::LOCALHOST.into()
            }
            Self::Janus { media, .. } => *media,
        }
    }

    /// Whose it is.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sylk { .. } => "sylk-gateway",
            Self::Janus { .. } => "Janus",
            Self::Rtpengine { .. } => "rtpengine",
            Self::Floor { .. } => "floor",
        }
    }
}

/// One client's way in.
#[derive(Debug)]
pub(crate) enum Visit {
    Sylk(Box<Page>),
    Janus(Box<JanusPage>),
    Rtpengine(NgCall),
    Floor(RelayCall),
}

/// How a call has been answered.
#[derive(Debug)]
pub(crate) enum Answered {
    /// With a description for the page.
    Described(String),
    /// With plain RTP, to be sent there.
    Plain(SocketAddr),
}

impl Visit {
    /// Connects, and does what a page does before its user calls.
    pub(crate) async fn begin(
        door: &Door,
        account: String,
        session: String,
        far_end: &Arc<FarEnd>,
    ) -> Result<Self, SignallingError> {
        Ok(match door {
            Door::Sylk { ws } => Self::Sylk(Box::new(Page::open(ws, account, session).await?)),
            Door::Janus { ws, .. } => Self::Janus(Box::new(JanusPage::open(ws, &account).await?)),
            Door::Rtpengine { ng, carried } => {
                Self::Rtpengine(NgCall::open(*ng, session, *carried, far_end.clone()).await?)
            }
            Door::Floor { relay } => Self::Floor(RelayCall::new(relay.clone(), far_end.clone())),
        })
    }

    /// Calls, and waits for the answer.
    pub(crate) async fn call(&mut self, call: &Call<'_>) -> Result<Answered, SignallingError> {
        Ok(match self {
            Self::Sylk(page) => Answered::Described(page.call(call).await?),
            Self::Janus(page) => Answered::Described(page.call(call).await?),
            Self::Rtpengine(ng) => Answered::Described(ng.call(call).await?),
            Self::Floor(relay) => Answered::Plain(relay.call(call.address).await?),
        })
    }

    /// Waits for the call to end without us.
    pub(crate) async fn stay(&mut self) -> SignallingError {
        match self {
            Self::Sylk(page) => page.stay().await,
            Self::Janus(page) => page.stay().await,
            Self::Rtpengine(_) | Self::Floor(_) => std::future::pending().await,
        }
    }

    /// Hangs up and leaves.
    pub(crate) async fn hang_up(self) -> Result<(), SignallingError> {
        match self {
            Self::Sylk(page) => page.hang_up().await,
            Self::Janus(page) => page.hang_up().await,
            Self::Rtpengine(ng) => ng.hang_up().await,
            Self::Floor(relay) => relay.hang_up().await,
        }
    }
}
