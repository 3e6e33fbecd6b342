//! `load media`: calls with media through the gateway, and beside it through Janus, rtpengine and
//! a bare relay.

mod contender;

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
use crate::awake::Awake;
use crate::browser::Identity;
use crate::codec::Codec;
use crate::daemon::Daemon;
use crate::distance::FarDoor;
use crate::door::Door;
use crate::far_end::{FarEnd, Manner};
use crate::generator::{Generator, Outcome, Speech};
use crate::health::Health;
use crate::janus::Janus;
use crate::relay::Relay;
use crate::report;
use crate::round::{Carried, Round, Scene, Shape, direct};
use crate::rtpengine::Rtpengine;
use contender::Contender;

/// Without a gateway: long enough for the tail of the distribution.
const DIRECT: Duration = Duration::from_secs(4);
/// What the pages say over and over again, in seconds.
const SPEECH_SECONDS: usize = 20;
/// SIP transactions over UDP live for 32 s after their end (RFC 3261 §17, Timers D, H and J).
const REST_LIMIT: Duration = Duration::from_secs(45);
/// Rounds when none are asked for.
const USUAL_CALLS: [u32; 5] = [10, 50, 100, 200, 500];

/// Makes calls with media and tells what they cost.
///
/// In each round the gateway, the floor, Janus and rtpengine, those that are there, take turns
/// right after each other.
#[derive(Debug, Args)]
pub(super) struct Media {
    #[command(flatten)]
    target: Target,
    /// Calls at once whose audio is relayed; one round for each number. 10,50,100,200,500 if
    /// no other rounds are asked for either.
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=2000))]
    calls: Vec<u32>,
    /// Calls at once whose pages speak Opus and whose phone PCMU; one round for each number.
    /// Packets are counted and not known again: there is no round trip. Not for Janus.
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=2000))]
    transcoded: Vec<u32>,
    /// Calls at once with audio relayed and 1 Mbit/s of VP8 each way; one round for each number.
    /// Not for Janus and rtpengine.
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=500))]
    video: Vec<u32>,
    /// The measured time of each round, in seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3000))]
    seconds: u64,
    /// New calls per second during set-up.
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
    /// What pages and phone speak where audio is relayed.
    #[arg(long, value_enum, default_value = "opus")]
    codec: Codec,
    /// The domain of the clients' accounts; they are added, not registered.
    #[arg(long, default_value = "load.test")]
    domain: String,
    /// Where the far end speaks SIP (UDP); port 0 lets the system choose. One that speaks another
    /// codec has a port of its own.
    #[arg(long, default_value = "127.0.0.1:0")]
    far_end: SocketAddr,
    /// Janus's program, to compare with.
    #[arg(long, value_name = "PROGRAM")]
    janus: Option<PathBuf>,
    /// rtpengine's program, to compare with.
    #[arg(long, value_name = "PROGRAM")]
    rtpengine: Option<PathBuf>,
    /// Measures a bare relay too, of plain RTP and without a look inside: what the kernel costs.
    #[arg(long, conflicts_with = "delay")]
    floor: bool,
    /// More calls than these are not for Janus and rtpengine.
    #[arg(long, default_value_t = 200)]
    compare_up_to: u32,
    /// Keeps the cores from halting, for waking one costs much in a virtual machine: idle ones poll,
    /// or, where they cannot be made to, run what yields to everything.
    #[arg(long)]
    awake: bool,
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

/// What is played on.
struct Stage {
    generator: Arc<Generator>,
    far_end: Arc<FarEnd>,
    /// Of the codec that has to be transcoded to.
    foreign: Arc<FarEnd>,
    identity: Arc<Identity>,
    awake: Option<Arc<Awake>>,
    next_call: u32,
    /// Daemons whose rounds are over.
    resting: JoinSet<io::Result<Vec<String>>>,
}

impl Stage {
    fn far_end(&self, carried: Carried) -> &Arc<FarEnd> {
        match carried {
            Carried::Relayed | Carried::Video => &self.far_end,
            Carried::Transcoded => &self.foreign,
        }
    }
}

impl Media {
    /// Measures; the tables, and what was not well.
    pub(super) async fn measure(self, rng: &mut StdRng) -> io::Result<(String, Vec<String>)> {
        let mut stage = self.stage().await?;
        let mut rounds = Vec::new();
        let mut problems = Vec::new();
        for (carried, calls) in self.rounds() {
            let numbers = (calls, stage.next_call);
            stage.next_call += calls;
            let (generator, far_end) = (&stage.generator, stage.far_end(carried));
            let spoken = (carried, self.codec(carried));
            let direct = direct(generator, far_end, spoken, numbers, DIRECT, rng).await?;
            for contender in self.contenders(carried, calls, rng).await? {
                let shape = self.shape(carried, calls);
                let round = self
                    .turn(contender, &mut stage, shape, direct.clone(), rng)
                    .await?;
                problems.extend(round.1);
                rounds.extend(round.0);
            }
        }
        say("waiting for the ledgers to read zero ...");
        while let Some(left) = stage.resting.join_next().await {
            problems.extend(left.map_err(io::Error::other)??);
        }
        let left = stage.far_end.calls() + stage.foreign.calls();
        if left > 0 {
            problems.push(format!("{left} calls without BYE"));
        }
        let text = format!("{}\n{}", report::goals(&rounds), report::table(&rounds));
        Ok((text, problems))
    }

    async fn stage(&self) -> io::Result<Stage> {
        let manner = Manner {
            ring: Duration::from_millis(self.ring),
            early: self.early,
        };
        let awake = match self.awake {
            true => Some(Arc::new(Awake::start(&std::env::current_exe()?).await?)),
            false => None,
        };
        let elsewhere = SocketAddr::new(self.far_end.ip(), 0);
        Ok(Stage {
            generator: Arc::new(Generator::start()?),
            far_end: Arc::new(FarEnd::start(self.far_end, self.codec, manner)?),
            foreign: Arc::new(FarEnd::start(elsewhere, Codec::Pcmu, manner)?),
            identity: Arc::new(Identity::generate()?),
            awake,
            next_call: 1,
            resting: JoinSet::new(),
        })
    }

    fn rounds(&self) -> Vec<(Carried, u32)> {
        let of = |carried, calls: &[u32]| -> Vec<(Carried, u32)> {
            calls.iter().map(|calls| (carried, *calls)).collect()
        };
        let asked = [
            of(Carried::Relayed, &self.calls),
            of(Carried::Transcoded, &self.transcoded),
            of(Carried::Video, &self.video),
        ]
        .concat();
        if asked.is_empty() {
            return of(Carried::Relayed, &USUAL_CALLS);
        }
        asked
    }

    /// What the pages speak.
    fn codec(&self, carried: Carried) -> Codec {
        match carried {
            Carried::Relayed | Carried::Video => self.codec,
            Carried::Transcoded => Codec::Opus,
        }
    }

    fn shape(&self, carried: Carried, calls: u32) -> Shape {
        Shape {
            carried,
            calls,
            time: Duration::from_secs(self.seconds),
            rate: f64::from(self.rate),
        }
    }

    /// Who plays with so many calls. Each is idle until its turn.
    async fn contenders(
        &self,
        carried: Carried,
        calls: u32,
        rng: &mut StdRng,
    ) -> io::Result<Vec<Contender>> {
        let (ports, floor, janus, rtpengine) = match carried {
            Carried::Relayed => (calls as usize, self.floor, true, true),
            Carried::Transcoded => (calls as usize, false, false, true),
            // A second pair of ports for each.
            Carried::Video => (2 * calls as usize, self.floor, false, false),
        };
        let mut contenders = vec![match &self.target {
            Target {
                spawn: Some(program),
                ..
            } => Contender::Ours(Daemon::start(program, ports, rng).await?),
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
        if floor {
            let relay = Relay::start(&std::env::current_exe()?)?;
            contenders.push(Contender::Floor(Arc::new(relay)));
        }
        if calls <= self.compare_up_to {
            if let Some(program) = self.janus.as_ref().filter(|_| janus) {
                contenders.push(Contender::Janus(Janus::start(program, rng).await?));
            }
            if let Some(program) = self.rtpengine.as_ref().filter(|_| rtpengine) {
                contenders.push(Contender::Rtpengine(Rtpengine::start(program, rng).await?));
            }
        }
        Ok(contenders)
    }

    /// One contender's round, and what was not well with it.
    async fn turn(
        &self,
        contender: Contender,
        stage: &mut Stage,
        shape: Shape,
        direct: Outcome,
        rng: &mut StdRng,
    ) -> io::Result<(Option<Round>, Vec<String>)> {
        let about = format!(
            "{}, {} calls{}",
            contender.name(),
            shape.calls,
            shape.carried.remark()
        );
        say(&format!("{about} ..."));
        let played = self.play(&contender, stage, shape, direct, rng).await;
        let (round, found) = match (played, &contender) {
            (Ok(round), _) => {
                let found = report::problems(&round);
                (Some(round), found)
            }
            (Err(error), Contender::Janus(_) | Contender::Rtpengine(_)) => {
                (None, vec![error.to_string()])
            }
            (
                Err(error),
                Contender::Ours(_) | Contender::Elsewhere { .. } | Contender::Floor(_),
            ) => return Err(error),
        };
        let found = found.iter().map(|problem| format!("{about}: {problem}"));
        let mut found: Vec<String> = found.collect();
        match contender {
            Contender::Ours(daemon) => {
                stage.resting.spawn(end(daemon, shape.calls));
            }
            Contender::Elsewhere { .. } | Contender::Floor(_) => {}
            // Theirs, not ours: to be known, and no failure of the run.
            Contender::Janus(_) | Contender::Rtpengine(_) => {
                for problem in found.drain(..) {
                    say(&problem);
                }
            }
        }
        Ok((round, found))
    }

    async fn play(
        &self,
        contender: &Contender,
        stage: &mut Stage,
        shape: Shape,
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
            None => contender.door(shape.carried),
        };
        let far_end = stage.far_end(shape.carried).clone();
        let codec = self.codec(shape.carried);
        let scene = Arc::new(Scene {
            door,
            delay,
            pid: contender.pid(),
            domain: self.domain.clone(),
            called: format!("echo@{}", far_end.address()),
            codec,
            speech: match shape.carried {
                Carried::Relayed | Carried::Video => None,
                Carried::Transcoded => Some(speech(codec)),
            },
            video: shape.carried == Carried::Video,
            identity: stage.identity.clone(),
            generator: stage.generator.clone(),
            far_end,
            awake: stage.awake.clone(),
        });
        let first_call = stage.next_call;
        stage.next_call += shape.calls + 1;
        Round::warm_up(&scene, first_call, rng).await?;
        Round::play(&scene, shape, first_call + 1, direct, rng).await
    }
}

/// What the pages say, where it is not to be carried as it is.
fn speech(codec: Codec) -> Speech {
    let format = |codec| AudioFormat { codec, ptime: 20 };
    let said = voice(SPEECH_SECONDS);
    match codec {
        Codec::Pcmu => said.into(),
        Codec::Opus => transcode(format(AudioCodec::Pcmu), format(codec.audio()), &said).into(),
    }
}

/// Waits until the daemon is at rest, then stops it; what was left.
async fn end(daemon: Daemon, calls: u32) -> io::Result<Vec<String>> {
    let left = Health::at_rest(daemon.web(), REST_LIMIT).await?.left();
    daemon.stop().await?;
    let about = |what| format!("{calls} calls: the ledger still has {what}");
    Ok(left.into_iter().map(about).collect())
}
