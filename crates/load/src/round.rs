//! One round: so many calls at once through the gateway, and what that shows.
//!
//! The clients connect, call one after the other, talk for the measured time, and hang up. What
//! the gateway's process has used is read at the edges of that time. The same streams straight
//! to the far end, without the gateway, tell what generator and far end add by themselves.

mod client;

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use media::rtp::Ssrc;
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::awake::Awake;
use crate::browser::Identity;
use crate::codec::Codec;
use crate::door::Door;
use crate::far_end::{EchoId, FarEnd};
use crate::generator::{Generator, Line, NewClient, Outcome, Speech};
use crate::histogram::Histogram;
use crate::process::{Usage, machine_cpu};
use client::{Client, Cue, Progress};

/// Before anything is measured, so that what came before has come to rest.
const SETTLE: Duration = Duration::from_secs(1);
/// After the window, for packets under way.
const GRACE: Duration = Duration::from_millis(500);
/// For one step of all clients, beside what its pace needs.
const STEP_LIMIT: Duration = Duration::from_secs(30);

/// What all rounds of a run have in common.
#[derive(Debug)]
pub struct Scene {
    /// The gateway's front door.
    pub door: Door,
    /// The gateway's process.
    pub pid: u32,
    /// The domain of the clients' accounts.
    pub domain: String,
    /// Who is called.
    pub called: String,
    /// What the clients speak.
    pub codec: Codec,
    /// What they say, where the phone speaks another codec.
    pub speech: Option<Speech>,
    /// Whether they also have video.
    pub video: bool,
    /// The clients' certificate.
    pub identity: Arc<Identity>,
    /// The clients' media.
    pub generator: Arc<Generator>,
    /// The phone.
    pub far_end: Arc<FarEnd>,
    /// How far the clients' media is from the gateway, one way.
    pub delay: Duration,
    /// What keeps the cores from halting.
    pub awake: Option<Arc<Awake>>,
}

impl Scene {
    /// CPU time of this process, and of what keeps the cores awake: nobody else's work.
    fn own_cpu(&self, since: &Usage) -> io::Result<Duration> {
        let awake = self.awake.as_ref().map(|awake| awake.cpu()).transpose()?;
        Ok(Usage::of(std::process::id())?.cpu_since(since) + awake.unwrap_or_default())
    }
}

/// What the calls of a round carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// Audio in a codec that both sides have.
    Relayed,
    /// Audio in Opus at the page and in PCMU at the phone.
    Transcoded,
    /// Audio in a codec that both sides have, and 1 Mbit/s of VP8 each way.
    Video,
}

impl Carried {
    /// What is added to a name.
    #[must_use]
    pub fn remark(self) -> &'static str {
        match self {
            Self::Relayed => "",
            Self::Transcoded => ", Opus <-> PCMU",
            Self::Video => ", with video",
        }
    }
}

/// How a round is played.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// What the calls carry.
    pub carried: Carried,
    /// Calls at once.
    pub calls: u32,
    /// The measured time.
    pub time: Duration,
    /// New calls per second during set-up.
    pub rate: f64,
}

/// What a round has shown.
#[derive(Debug)]
pub struct Round {
    /// Whose it is.
    pub door: Door,
    /// What the calls carried.
    pub carried: Carried,
    /// Calls at once.
    pub calls: u32,
    /// Calls whose media came up.
    pub up: u32,
    /// From session-create to the first returned packet.
    pub set_up: Histogram,
    /// The measured time, as it was.
    pub time: Duration,
    /// CPU time of the gateway in the measured time.
    pub cpu: Duration,
    /// The kernel's part of it, in ticks of 10 ms.
    pub cpu_system: Duration,
    /// CPU time of everything on the machine but the gateway and ourselves, meanwhile.
    pub cpu_others: Duration,
    /// CPU time of the gateway for all set-ups, without the media of calls that were up.
    pub cpu_set_up: Duration,
    /// The gateway's resident memory before the round, in bytes.
    pub resident_idle: u64,
    /// With the clients connected, before the first call.
    pub resident_connected: u64,
    /// At the end of the measured time.
    pub resident: u64,
    /// Through the gateway.
    pub through: Outcome,
    /// Without the gateway.
    pub direct: Outcome,
    /// From the phone's answer to the first packet that it hears.
    pub heard: Histogram,
    /// Packets the far end could not send back.
    pub far_end_failed: u64,
    /// What went wrong with single calls.
    pub failures: Vec<String>,
}

impl Round {
    /// Plays a round. `first_call` and the following `calls` numbers are its own.
    ///
    /// # Errors
    /// When the machine, not the gateway, stands in the way.
    pub async fn play(
        scene: &Arc<Scene>,
        shape: Shape,
        first_call: u32,
        direct: Outcome,
        rng: &mut StdRng,
    ) -> io::Result<Self> {
        let failed_before = scene.far_end.failed();
        sleep(SETTLE).await;
        // Of the call before the round.
        drop(scene.far_end.take_heard()?);
        let idle = Usage::of(scene.pid)?;
        let mut company = Company::gather(scene, shape.calls, first_call, rng);
        company.connected().await;
        let before_ramp = Usage::of(scene.pid)?;
        let ups = company.call(shape.rate).await;
        sleep(SETTLE).await;

        let start = (Usage::of(scene.pid)?, now());
        let ourselves = Usage::of(std::process::id())?;
        let ours = scene.own_cpu(&ourselves)?;
        let machine = machine_cpu()?;
        scene.generator.open_window()?;
        sleep(shape.time).await;
        let end = (Usage::of(scene.pid)?, now());
        let machine = machine_cpu()?.saturating_sub(machine);
        let ours = scene.own_cpu(&ourselves)?.saturating_sub(ours);
        scene.generator.close_window()?;
        sleep(GRACE).await;
        let through = scene.generator.report().await?;

        company.hang_up().await;
        let time = end.1.duration_since(start.1);
        let cpu = end.0.cpu_since(&start.0);
        let talked: Duration = ups.iter().map(|(_, at)| start.1.duration_since(*at)).sum();
        let share = cpu.as_secs_f64() / time.as_secs_f64() / f64::from(shape.calls.max(1));
        let media_of_ramp = Duration::from_secs_f64(talked.as_secs_f64() * share);
        let mut set_up = Histogram::default();
        for (took, _) in &ups {
            set_up.record(*took);
        }
        Ok(Self {
            door: scene.door.clone(),
            carried: shape.carried,
            calls: shape.calls,
            up: ups.len() as u32,
            set_up,
            time,
            cpu,
            cpu_system: end.0.system_since(&start.0),
            cpu_others: machine.saturating_sub(cpu + ours),
            cpu_set_up: start
                .0
                .cpu_since(&before_ramp)
                .saturating_sub(media_of_ramp),
            resident_idle: idle.resident,
            resident_connected: before_ramp.resident,
            resident: end.0.resident,
            through,
            direct,
            heard: scene.far_end.take_heard()?,
            far_end_failed: scene.far_end.failed() - failed_before,
            failures: company.failures,
        })
    }

    /// One call that is not measured, so that what the gateway makes once is made.
    ///
    /// # Errors
    /// When that call already does not come up.
    pub async fn warm_up(scene: &Arc<Scene>, call: u32, rng: &mut StdRng) -> io::Result<()> {
        let mut company = Company::gather(scene, 1, call, rng);
        company.connected().await;
        let ups = company.call(1.0).await;
        company.hang_up().await;
        match (ups.len(), company.failures.pop()) {
            (1, None) => Ok(()),
            (_, failure) => {
                Err(io::Error::other(failure.unwrap_or_else(|| {
                    "the first call does not come up".to_owned()
                })))
            }
        }
    }
}

/// Generator and far end alone, with so many streams from number `first_call` on.
///
/// # Errors
/// When the machine stands in the way.
pub async fn direct(
    generator: &Generator,
    far_end: &FarEnd,
    (carried, codec): (Carried, Codec),
    (calls, first_call): (u32, u32),
    time: Duration,
    rng: &mut StdRng,
) -> io::Result<Outcome> {
    let mut echoes: Vec<(u32, EchoId)> = Vec::new();
    for call in first_call..first_call + calls {
        let (echo, address) = far_end.open_echo()?;
        let socket = client::socket(Ipv4Addr::LOCALHOST.into())?;
        socket.connect(address)?;
        generator.add(NewClient {
            call,
            socket,
            line: Line::Plain,
            codec,
            ssrc: Ssrc(rng.random()),
            speech: None,
            video: (carried == Carried::Video).then(|| Ssrc(rng.random())),
        })?;
        echoes.push((call, echo));
        // Beats that do not coincide.
        sleep(Duration::from_millis(3)).await;
    }
    sleep(SETTLE).await;
    generator.open_window()?;
    sleep(time).await;
    generator.close_window()?;
    sleep(GRACE).await;
    let outcome = generator.report().await?;
    for (call, echo) in echoes {
        generator.remove(call)?;
        far_end.close_echo(echo)?;
    }
    Ok(outcome)
}

/// The clients of a round.
struct Company {
    tasks: JoinSet<()>,
    cue: watch::Sender<Cue>,
    progress: mpsc::Receiver<Progress>,
    /// Clients that can still go on.
    going: usize,
    failures: Vec<String>,
}

impl Company {
    fn gather(scene: &Arc<Scene>, calls: u32, first_call: u32, rng: &mut StdRng) -> Self {
        let (cue, listening) = watch::channel(Cue::Call(0));
        // Room for all that clients ever tell: connected, up, and the end.
        let (progress, heard) = mpsc::channel(3 * calls as usize + 1);
        let mut tasks = JoinSet::new();
        for index in 0..calls {
            let client = Client {
                scene: scene.clone(),
                index,
                call: first_call + index,
                cue: listening.clone(),
                progress: progress.clone(),
                seed: rng.random(),
            };
            tasks.spawn(client.run());
        }
        Self {
            tasks,
            cue,
            progress: heard,
            going: calls as usize,
            failures: Vec::new(),
        }
    }

    /// Waits until every client has its account.
    async fn connected(&mut self) {
        let mut connected = 0;
        while connected < self.going {
            match self.next(STEP_LIMIT).await {
                Some(Progress::Connected) => connected += 1,
                Some(Progress::Up { .. } | Progress::Gone | Progress::Failed(_)) => {}
                None => break,
            }
        }
    }

    /// Lets one after the other call; when each was up, and how long that took.
    async fn call(&mut self, rate: f64) -> Vec<(Duration, Instant)> {
        let mut ups = Vec::new();
        let gap = Duration::from_secs_f64(1.0 / rate);
        for count in 1..=self.going as u32 {
            self.cue.send_replace(Cue::Call(count));
            sleep(gap).await;
        }
        while ups.len() < self.going {
            match self.next(STEP_LIMIT).await {
                Some(Progress::Up { took, at }) => ups.push((took, at)),
                Some(Progress::Connected | Progress::Gone | Progress::Failed(_)) => {}
                None => break,
            }
        }
        ups
    }

    async fn hang_up(&mut self) {
        self.cue.send_replace(Cue::HangUp);
        let mut gone = 0;
        while gone < self.going {
            match self.next(STEP_LIMIT).await {
                Some(Progress::Gone) => gone += 1,
                Some(Progress::Connected | Progress::Up { .. } | Progress::Failed(_)) => {}
                None => break,
            }
        }
        self.tasks.shutdown().await;
    }

    /// The next thing a client has to tell; notes failures. `None` when all are silent.
    async fn next(&mut self, limit: Duration) -> Option<Progress> {
        let progress = timeout(limit, self.progress.recv()).await.ok().flatten();
        match &progress {
            Some(Progress::Failed(reason)) => {
                self.going -= 1;
                self.failures.push(reason.clone());
            }
            Some(_) => {}
            None => self.failures.push("clients do not answer".to_owned()),
        }
        progress
    }
}

#[expect(clippy::disallowed_methods, reason = "what measures reads the clock")]
fn now() -> Instant {
    Instant::now()
}
