//! `load media`: calls with audio through the gateway, and beside it through Janus and rtpengine.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use media::benchmark::{transcode, voice};
use media::codec::AudioCodec;
use media::relay::AudioFormat;
use rand::rngs::StdRng;
use tokio::task::JoinSet;

use super::say;
use crate::browser::Identity;
use crate::codec::Codec;
use crate::daemon::Daemon;
use crate::distance::FarDoor;
use crate::door::Door;
use crate::far_end::{FarEnd, Manner};
use crate::generator::{Generator, Outcome, Speech};
use crate::health::Health;
use crate::janus::Janus;
use crate::report;
use crate::round::{Round, Scene, Shape, direct};
use crate::rtpengine::Rtpengine;

/// Without a gateway: long enough for the tail of the distribution.
const DIRECT: Duration = Duration::from_secs(4);
/// What the pages say over and over again, in seconds.
const SPEECH_SECONDS: usize = 20;
/// SIP transactions over UDP live for 32 s after their end (RFC 3261 §17, Timers D, H and J).
const REST_LIMIT: Duration = Duration::from_secs(45);

/// Makes calls with media and tells what they cost.
///
/// For each number of calls the gateway, Janus and rtpengine, those that are there, take turns
/// right after each other.
#[derive(Debug, Args)]
pub(super) struct Media {
    #[command(flatten)]
    target: Target,
    /// Calls at once; one round for each number.
    #[arg(long, value_delimiter = ',', default_value = "10,50,100,200,500",
          value_parser = clap::value_parser!(u32).range(1..=2000))]
    calls: Vec<u32>,
    /// The measured time of each round, in seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3000))]
    seconds: u64,
    /// New calls per second during set-up.
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
    /// What the pages speak.
    #[arg(long, value_enum, default_value = "opus")]
    codec: Codec,
    /// What the phone speaks, if that is something else. Packets are then counted and not known
    /// again: there is no round trip.
    #[arg(long, value_enum, conflicts_with_all = ["janus", "rtpengine"])]
    far_codec: Option<Codec>,
    /// The domain of the clients' accounts; they are added, not registered.
    #[arg(long, default_value = "load.test")]
    domain: String,
    /// Where the far end speaks SIP (UDP); port 0 lets the system choose.
    #[arg(long, default_value = "127.0.0.1:0")]
    far_end: SocketAddr,
    /// Janus's program, to compare with.
    #[arg(long, value_name = "PROGRAM")]
    janus: Option<PathBuf>,
    /// rtpengine's program, to compare with.
    #[arg(long, value_name = "PROGRAM")]
    rtpengine: Option<PathBuf>,
    /// How far the pages are from the gateway, one way, in milliseconds: WebSocket and media.
    #[arg(long, value_name = "MS", default_value_t = 0, conflicts_with_all = ["janus", "rtpengine"],
          value_parser = clap::value_parser!(u64).range(0..=1000))]
    delay: u64,
    /// How long the phone rings before it answers, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=60_000))]
    ring: u64,
    /// The phone says where it is while it rings: 183 with SDP, and not 180.
    #[arg(long, requires = "ring")]
    early: bool,
    /// More calls than these are for the gateway alone.
    #[arg(long, default_value_t = 200)]
    compare_up_to: u32,
}

/// The gateway to load.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Target {
    /// The daemon's program; started anew for each round, on ports of its own.
    #[arg(long, value_name = "PROGRAM", conflicts_with_all = ["ws", "gateway_pid"])]
    spawn: Option<PathBuf>,
    /// The WebSocket of a running gateway, as ws://127.0.0.1:PORT/webrtcgateway/ws. It must
    /// allow loopback addresses in phones' SDP, and any domain.
    #[arg(long, value_name = "URL", requires = "gateway_pid")]
    ws: Option<String>,
    /// The process of that gateway.
    #[arg(long, value_name = "PID", requires = "ws")]
    gateway_pid: Option<u32>,
}

/// A gateway under load.
enum Contender {
    Ours(Daemon),
    Elsewhere { ws: String, pid: u32 },
    Janus(Janus),
    Rtpengine(Rtpengine),
}

/// What is played on.
struct Stage {
    generator: Arc<Generator>,
    far_end: Arc<FarEnd>,
    identity: Arc<Identity>,
    next_call: u32,
}

impl Media {
    /// Measures; the tables, and what was not well.
    pub(super) async fn measure(self, rng: &mut StdRng) -> io::Result<(String, Vec<String>)> {
        let manner = Manner {
            ring: Duration::from_millis(self.ring),
            early: self.early,
        };
        let mut stage = Stage {
            generator: Arc::new(Generator::start()?),
            far_end: Arc::new(FarEnd::start(
                self.far_end,
                self.far_codec.unwrap_or(self.codec),
                manner,
            )?),
            identity: Arc::new(Identity::generate()?),
            next_call: 1,
        };
        let mut rounds = Vec::new();
        let mut problems = Vec::new();
        let mut resting = JoinSet::new();
        for calls in self.calls.iter().copied() {
            let (generator, far_end) = (&stage.generator, &stage.far_end);
            let numbers = (calls, stage.next_call);
            stage.next_call += calls;
            let direct = direct(generator, far_end, self.codec, numbers, DIRECT, rng).await?;
            for contender in self.contenders(calls, rng).await? {
                let name = contender.name();
                say(&format!("{name}, {calls} calls ..."));
                let played = self.play(&contender, &mut stage, calls, direct.clone(), rng);
                let found = match (played.await, &contender) {
                    (Ok(round), _) => {
                        let found = report::problems(&round);
                        rounds.push(round);
                        found
                    }
                    (Err(error), Contender::Janus(_) | Contender::Rtpengine(_)) => {
                        vec![error.to_string()]
                    }
                    (Err(error), Contender::Ours(_) | Contender::Elsewhere { .. }) => {
                        return Err(error);
                    }
                };
                let about = |problem| format!("{name}, {calls} calls: {problem}");
                let mut found: Vec<String> = found.into_iter().map(about).collect();
                match contender {
                    Contender::Ours(daemon) => {
                        resting.spawn(end(daemon, calls));
                    }
                    Contender::Elsewhere { .. } => {}
                    // Theirs, not ours: to be known, and no failure of the run.
                    Contender::Janus(_) | Contender::Rtpengine(_) => {
                        for problem in found.drain(..) {
                            say(&problem);
                        }
                    }
                }
                problems.extend(found);
            }
        }
        say("waiting for the ledgers to read zero ...");
        while let Some(left) = resting.join_next().await {
            problems.extend(left.map_err(io::Error::other)??);
        }
        if stage.far_end.calls() > 0 {
            problems.push(format!("{} calls without BYE", stage.far_end.calls()));
        }
        let text = format!("{}\n{}", report::table(&rounds), report::goals(&rounds));
        Ok((text, problems))
    }

    /// What the pages say, where it is not to be carried as it is.
    fn speech(&self) -> Option<Speech> {
        let (codec, far) = (self.codec.audio(), self.far_codec?.audio());
        if codec == far {
            return None;
        }
        let format = |codec| AudioFormat { codec, ptime: 20 };
        let said = voice(SPEECH_SECONDS);
        Some(match self.codec {
            Codec::Pcmu => said.into(),
            Codec::Opus => transcode(format(AudioCodec::Pcmu), format(codec), &said).into(),
        })
    }

    /// Who plays with so many calls. Each is idle until its turn.
    async fn contenders(&self, calls: u32, rng: &mut StdRng) -> io::Result<Vec<Contender>> {
        let mut contenders = vec![match &self.target {
            Target {
                spawn: Some(program),
                ..
            } => Contender::Ours(Daemon::start(program, calls as usize, rng).await?),
            Target {
                ws: Some(ws),
                gateway_pid: Some(pid),
                ..
            } => Contender::Elsewhere {
                ws: ws.clone(),
                pid: *pid,
            },
            Target { .. } => return Err(io::Error::other("a gateway is needed: --spawn or --ws")),
        }];
        if calls <= self.compare_up_to {
            if let Some(program) = &self.janus {
                contenders.push(Contender::Janus(Janus::start(program, rng).await?));
            }
            if let Some(program) = &self.rtpengine {
                contenders.push(Contender::Rtpengine(Rtpengine::start(program, rng).await?));
            }
        }
        Ok(contenders)
    }

    async fn play(
        &self,
        contender: &Contender,
        stage: &mut Stage,
        calls: u32,
        direct: Outcome,
        rng: &mut StdRng,
    ) -> io::Result<Round> {
        let delay = Duration::from_millis(self.delay);
        let far = match contender.web().await {
            Some(web) if !delay.is_zero() => Some(FarDoor::open(web?, delay).await?),
            Some(_) | None => None,
        };
        let door = match &far {
            Some(far) => Door::Sylk {
                ws: format!("ws://{}/webrtcgateway/ws", far.address),
            },
            None => contender.door(),
        };
        let scene = Arc::new(Scene {
            door,
            delay,
            pid: contender.pid(),
            domain: self.domain.clone(),
            called: format!("echo@{}", stage.far_end.address()),
            codec: self.codec,
            speech: self.speech(),
            identity: stage.identity.clone(),
            generator: stage.generator.clone(),
            far_end: stage.far_end.clone(),
        });
        let shape = Shape {
            calls,
            time: Duration::from_secs(self.seconds),
            rate: f64::from(self.rate),
        };
        let first_call = stage.next_call;
        stage.next_call += calls + 1;
        Round::warm_up(&scene, first_call, rng).await?;
        Round::play(&scene, shape, first_call + 1, direct, rng).await
    }
}

impl Contender {
    fn name(&self) -> &'static str {
        self.door().name()
    }

    fn door(&self) -> Door {
        match self {
            Self::Ours(daemon) => Door::Sylk {
                ws: format!("ws://{}/webrtcgateway/ws", daemon.web()),
            },
            Self::Elsewhere { ws, .. } => Door::Sylk { ws: ws.clone() },
            Self::Janus(janus) => Door::Janus {
                ws: janus.ws(),
                media: janus.media(),
            },
            Self::Rtpengine(rtpengine) => Door::Rtpengine { ng: rtpengine.ng() },
        }
    }

    /// Where its pages connect, if it is a sylk-gateway.
    async fn web(&self) -> Option<io::Result<SocketAddr>> {
        match self {
            Self::Ours(daemon) => Some(Ok(daemon.web())),
            Self::Elsewhere { ws, .. } => {
                let host = ws.trim_start_matches("ws://").split('/').next();
                let found = tokio::net::lookup_host(host.unwrap_or_default()).await;
                let first = found
                    .and_then(|mut all| all.next().ok_or_else(|| io::ErrorKind::NotFound.into()));
                Some(first)
            }
            Self::Janus(_) | Self::Rtpengine(_) => None,
        }
    }

    fn pid(&self) -> u32 {
        match self {
            Self::Ours(daemon) => daemon.pid(),
            Self::Elsewhere { pid, .. } => *pid,
            Self::Janus(janus) => janus.pid(),
            Self::Rtpengine(rtpengine) => rtpengine.pid(),
        }
    }
}

/// Waits until the daemon is at rest, then stops it; what was left.
async fn end(daemon: Daemon, calls: u32) -> io::Result<Vec<String>> {
    let left = Health::at_rest(daemon.web(), REST_LIMIT).await?.left();
    daemon.stop().await?;
    let about = |what| format!("{calls} calls: the ledger still has {what}");
    Ok(left.into_iter().map(about).collect())
}
