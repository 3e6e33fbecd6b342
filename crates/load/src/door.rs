//! A gateway's front door as a client uses it: sylkRTC, Janus's WebSocket, or rtpengine's ng.
//!
//! Whichever it is, a client opens it, calls, stays, and hangs up.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::far_end::FarEnd;
use crate::janus::JanusPage;
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
    },
}

impl Door {
    /// Where clients have their sockets, so that what they send stays on this machine.
    #[must_use]
    pub fn local_ip(&self) -> IpAddr {
        match self {
            Self::Sylk { .. } | Self::Rtpengine { .. } => Ipv4Addr::LOCALHOST.into(),
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
        }
    }
}

/// One client's way in.
#[derive(Debug)]
pub(crate) enum Visit {
    Sylk(Box<Page>),
    Janus(Box<JanusPage>),
    Rtpengine(NgCall),
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
            Door::Rtpengine { ng } => {
                Self::Rtpengine(NgCall::open(*ng, session, far_end.clone()).await?)
            }
        })
    }

    /// Calls; the answer's SDP.
    pub(crate) async fn call(&mut self, call: &Call<'_>) -> Result<String, SignallingError> {
        match self {
            Self::Sylk(page) => page.call(call).await,
            Self::Janus(page) => page.call(call).await,
            Self::Rtpengine(ng) => ng.call(call).await,
        }
    }

    /// Waits for the call to end without us.
    pub(crate) async fn stay(&mut self) -> SignallingError {
        match self {
            Self::Sylk(page) => page.stay().await,
            Self::Janus(page) => page.stay().await,
            Self::Rtpengine(_) => std::future::pending().await,
        }
    }

    /// Hangs up and leaves.
    pub(crate) async fn hang_up(self) -> Result<(), SignallingError> {
        match self {
            Self::Sylk(page) => page.hang_up().await,
            Self::Janus(page) => page.hang_up().await,
            Self::Rtpengine(ng) => ng.hang_up().await,
        }
    }
}
