//! The media path: from a browser's SRTP to a phone's RTP or SRTP and back, sound and video.
//!
//! Signalling opens a [`BrowserLeg`] and a [`PhoneLeg`] on the same [`WorkerHandle`],
//! writes what they tell into SDP, gives them what the peers' SDP told, and bridges them
//! with a [`Relay`] plan. Video is a second stream on the browser's leg, and has a phone leg of
//! its own. Everything per packet happens on the worker's own thread. Dropping a handle closes
//! its leg.
//!
//! Cores (`browser_leg`, relaying, SDP) are sans-IO: bytes, `now` and randomness come in,
//! datagrams and events go out. Only `worker` has sockets, threads and a clock.
//! Knows nothing of SIP or of sylkRTC.

mod browser_leg;
mod config;
mod endpoints;
mod event;
mod handle;
mod phone_leg;
mod ports;
mod recent;
mod rewriter;
mod rtcp;
#[cfg(test)]
mod simulate;
mod srtp;
mod transcode;
mod worker;

#[doc(hidden)]
pub mod benchmark;
pub mod codec;
pub mod dtmf;
#[doc(hidden)]
pub mod fuzz;
pub mod music;
pub mod plan;
pub mod quality;
pub mod relay;
pub mod rtp;
pub mod sdp;
pub mod video;

pub use browser_leg::{Credentials as IceCredentials, IceSeed};
pub use config::{BrowserAddress, BrowserHost, Limits, MediaConfig, PhoneAddress, TcpPort};
pub use endpoints::{
    AddressFamily, BrowserLocal, BrowserRemote, DtlsRole, Fingerprint, PhoneLocal, PhoneRemote,
    Ssrc, VideoLocal,
};
pub use event::{Dropped, Flow, LegEvent, LegFailure, LegStats, Link, VideoStats, Way};
pub use handle::{
    BrowserLeg, BrowserLegConfig, Counts, Gate, Media, MediaError, PhoneLeg, PhoneLegConfig,
    WorkerHandle,
};
pub use relay::Relay;
pub use srtp::{SdesKey, SdesKeys, SrtpLocal, SrtpPolicy};
