//! Builds the daemon from its configuration, watches over it, and takes it down in order.
//!
//! Start: everything that can fail is done before the first client is admitted; a part that cannot
//! start undoes those before it. Stop: no more clients; every connection ends its calls and
//! removes its registrations; then the user agent, the media path and the listeners go. Each step
//! has a share of one time limit, and what is left at the end is logged from the ledger.

mod assemble;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use media::Media;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::config::Config;
use crate::health::{Snapshot, Sources};
use crate::routes::MusicFile;
use crate::signaling::sylkrtc::http::Pages;
use crate::sip::SipAgent;
use crate::tasks::Tasks;
use crate::web::WebError;

/// What the daemon is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Parts are being built; clients are told to come later.
    Starting,
    /// Clients are served.
    Ready,
    /// Calls are being ended; nobody new is admitted.
    Stopping,
}

/// Waits until the daemon stops.
pub async fn stopping(phase: &mut watch::Receiver<Phase>) {
    if phase
        .wait_for(|phase| *phase == Phase::Stopping)
        .await
        .is_err()
    {
        tracing::debug!("the supervisor is gone, which is a stop too");
    }
}

/// Why the daemon does not start.
#[derive(Debug)]
pub enum StartError {
    /// A web listener.
    Web(WebError),
    /// The SIP side.
    Sip(io::Error),
    /// The media side.
    Media(io::Error),
    /// Music on hold.
    Music(MusicFile),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web(error) => fmt::Display::fmt(error, f),
            Self::Sip(error) => write!(f, "SIP: {error}"),
            Self::Media(error) => write!(f, "media: {error}"),
            Self::Music(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for StartError {}

/// A running daemon.
#[derive(Debug)]
pub struct Gateway {
    phase: watch::Sender<Phase>,
    web_addresses: Vec<SocketAddr>,
    /// Listeners and the dispatcher: they live as long as the daemon.
    plumbing: JoinSet<()>,
    /// Music on hold being encoded.
    music: JoinSet<()>,
    http: Tasks,
    connections: Tasks,
    calls: Tasks,
    sip: SipAgent,
    media: Arc<Media>,
    sources: Sources,
    stop_limit: Duration,
}

/// How a stop went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// What was left when the time was up; at rest if all went well.
    pub left: Snapshot,
}

impl Gateway {
    /// Starts the daemon; on return it serves.
    ///
    /// # Errors
    /// When an address cannot be bound or a certificate cannot be used. Nothing is left running.
    pub async fn start(config: Config, pages: Pages) -> Result<Self, StartError> {
        let gateway = assemble::assemble(config, pages).await?;
        gateway.phase.send_replace(Phase::Ready);
        tracing::info!(web = ?gateway.web_addresses, "ready");
        Ok(gateway)
    }

    /// The addresses of the web listeners, in the order of the configuration.
    #[must_use]
    pub fn web_addresses(&self) -> &[SocketAddr] {
        &self.web_addresses
    }

    /// What is alive now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.sources.snapshot()
    }

    /// Waits until a part of the daemon that should live on has ended: a defect of ours.
    pub async fn failed(&mut self) {
        match self.plumbing.join_next().await {
            Some(Ok(())) => tracing::error!("a permanent task has ended"),
            Some(Err(error)) => tracing::error!(%error, "a permanent task has failed"),
            None => std::future::pending().await,
        }
    }

    /// Ends calls with BYE, removes registrations, closes every socket; returns within the
    /// configured time and a moment.
    pub async fn stop(self) -> Stopped {
        let started = Instant::now();
        let deadline = started + self.stop_limit;
        let remaining = || deadline.saturating_duration_since(Instant::now());
        tracing::info!(
            calls = self.calls.len(),
            connections = self.connections.len(),
            "stopping"
        );
        self.phase.send_replace(Phase::Stopping);
        self.connections.finish(remaining()).await;
        self.calls.finish(remaining()).await;
        self.sip.shut_down(remaining()).await;
        let left = self.sources.snapshot();
        self.http.finish(Duration::from_secs(1)).await;
        for mut tasks in [self.plumbing, self.music] {
            while let Some(ended) = tasks.join_next().await {
                if let Err(error) = ended
                    && error.is_panic()
                {
                    tracing::error!(%error, "a task panicked");
                }
            }
        }
        drop(self.sources);
        stop_media(self.media).await;
        if left.is_at_rest() {
            tracing::info!(milliseconds = millis(started), "stopped");
        } else {
            tracing::warn!(
                milliseconds = millis(started),
                ?left,
                "stopped with something left"
            );
        }
        Stopped { left }
    }
}

/// Joins the workers' threads, which takes them a moment.
async fn stop_media(media: Arc<Media>) {
    let Some(media) = Arc::into_inner(media) else {
        tracing::error!("somebody still holds the media path");
        return;
    };
    if let Err(error) = tokio::task::spawn_blocking(move || media.shutdown()).await {
        tracing::error!(%error, "media path did not stop");
    }
}

fn millis(since: Instant) -> u128 {
    since.elapsed().as_millis()
}
