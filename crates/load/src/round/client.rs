//! One client's life within a round: connect, call, stay, hang up.

use std::io;
use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use media::rtp::Ssrc;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::Scene;
use crate::browser::{BrowserTransport, Credentials};
use crate::distance::FarMedia;
use crate::door::{Answered, Visit};
use crate::generator::{Line, NewClient};
use crate::offer::{Answer, Offer};
use crate::signalling::Call;

/// From the answer to the first returned packet.
const MEDIA_LIMIT: Duration = Duration::from_secs(15);

/// What a client tells the round. Each client tells of one step after the other; when it has
/// failed, it says so and nothing more.
#[derive(Debug)]
pub(super) enum Progress {
    /// Its account is added.
    Connected,
    /// Its first packet has come back.
    Up {
        /// From session-create to that packet.
        took: Duration,
        /// When that was.
        at: Instant,
    },
    /// It has hung up, and the gateway has followed.
    Gone,
    /// It cannot go on.
    Failed(String),
}

/// What the round tells all clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cue {
    /// This many clients may call.
    Call(u32),
    /// All hang up.
    HangUp,
}

pub(super) struct Client {
    pub(super) scene: Arc<Scene>,
    /// Its place in the round, from 0.
    pub(super) index: u32,
    /// Its number in the stamps, unique in the whole run.
    pub(super) call: u32,
    pub(super) cue: watch::Receiver<Cue>,
    pub(super) progress: mpsc::Sender<Progress>,
    pub(super) seed: [u8; 32],
}

impl Client {
    pub(super) async fn run(mut self) {
        let last = match self.live().await {
            Ok(()) => Progress::Gone,
            Err(reason) => Progress::Failed(format!("call {}: {reason}", self.call)),
        };
        // The round has ended early: nobody wants to know.
        let _unheard = self.progress.send(last).await;
    }

    async fn live(&mut self) -> Result<(), String> {
        let scene = self.scene.clone();
        let account = format!("load-{}@{}", self.call, scene.domain);
        let mut rng = StdRng::from_seed(self.seed);
        let session = uuid(&mut rng);
        let mut page = Visit::begin(&scene.door, account, session, &scene.far_end)
            .await
            .map_err(text)?;
        self.tell(Progress::Connected).await;
        let index = self.index;
        let called = self.cue.wait_for(|cue| {
            matches!(cue, Cue::Call(count) if *count > index) || *cue == Cue::HangUp
        });
        if *called.await.map_err(text)? == Cue::HangUp {
            return Ok(());
        }
        let outcome = self.talk(&mut page, &mut rng).await;
        let hung_up = page.hang_up().await.map_err(text);
        scene.generator.remove(self.call).map_err(text)?;
        outcome.and(hung_up)
    }

    /// From session-create until it is time to hang up.
    async fn talk(&mut self, page: &mut Visit, rng: &mut StdRng) -> Result<(), String> {
        let scene = self.scene.clone();
        let socket = socket(scene.door.local_ip()).map_err(text)?;
        let credentials = Credentials::random(rng);
        let ssrc = Ssrc(rng.random());
        let video = scene.video.then(|| Ssrc(rng.random()));
        let address = socket.local_addr().map_err(text)?;
        let offer = Offer {
            address,
            credentials: &credentials,
            fingerprint: scene.identity.fingerprint(),
            ssrc,
            video,
        };
        let description = match scene.speech {
            Some(_) => offer.text_of(scene.codec),
            None => offer.text(),
        };
        let call = Call {
            uri: &scene.called,
            offer: &description,
            candidate: &offer.candidate(),
            address,
        };
        let started = now();
        let (gateway, remote) = match page.call(&call).await.map_err(text)? {
            Answered::Plain(address) => (address, None),
            Answered::Described(sdp) => {
                let Answer { remote, video } = Answer::read(&sdp, scene.codec)?;
                if scene.video && !video {
                    return Err("the answer has no video".to_owned());
                }
                (remote.address, Some(remote))
            }
        };
        let far = match scene.delay {
            Duration::ZERO => None,
            delay => Some(FarMedia::open(gateway, delay).await.map_err(text)?),
        };
        let gateway = far.as_ref().map_or(gateway, |far| far.address);
        socket.connect(gateway).map_err(text)?;
        let line = match remote {
            None => Line::Plain,
            Some(remote) => Line::Browser(Box::new(BrowserTransport::new(
                scene.identity.clone(),
                &credentials,
                remote,
                StdRng::from_rng(rng),
                now(),
            ))),
        };
        let first_return = scene
            .generator
            .add(NewClient {
                call: self.call,
                socket,
                line,
                codec: scene.codec,
                ssrc,
                speech: scene.speech.clone(),
                video,
            })
            .map_err(text)?;
        let at = tokio::select! {
            first = timeout(MEDIA_LIMIT, first_return) => match first {
                Ok(Ok(Ok(at))) => at,
                Ok(Ok(Err(failure))) => return Err(failure.to_string()),
                Ok(Err(_)) => return Err("the generator has given it up".to_owned()),
                Err(_) => return Err("no packet comes back".to_owned()),
            },
            error = page.stay() => return Err(error.to_string()),
        };
        let took = at.saturating_duration_since(started);
        self.tell(Progress::Up { took, at }).await;
        tokio::select! {
            cue = self.cue.wait_for(|cue| *cue == Cue::HangUp) => cue.map(drop).map_err(text),
            error = page.stay() => Err(error.to_string()),
        }
    }

    async fn tell(&self, progress: Progress) {
        // The round has ended early: nobody wants to know.
        let _unheard = self.progress.send(progress).await;
    }
}

/// A client's socket, as a browser has one for each peer connection.
pub(super) fn socket(ip: IpAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((ip, 0))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A random UUID (RFC 9562 §5.4).
fn uuid(rng: &mut StdRng) -> String {
    let (high, low): (u64, u64) = (rng.random(), rng.random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | (low >> 48) & 0x3fff,
        low & 0xffff_ffff_ffff,
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "a task that measures reads the clock"
)]
fn now() -> Instant {
    Instant::now()
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
