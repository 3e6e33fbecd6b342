//! The bare relay that the gateway is compared with, in its own process; and cores that are kept awake.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use load::awake::Awake;
use load::browser::Identity;
use load::codec::Codec;
use load::door::Door;
use load::far_end::{FarEnd, Manner};
use load::generator::{Generator, Outcome};
use load::relay::Relay;
use load::report;
use load::round::{Carried, Round, Scene, Shape};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::time::{Instant, sleep};

const LIMIT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_relay_loses_nothing_and_its_process_alone_is_charged() {
    let program = Path::new(env!("CARGO_BIN_EXE_load"));
    let relay = Arc::new(Relay::start(program).expect("a relay"));
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let far_end = FarEnd::start(anywhere, Codec::Opus, Manner::default()).expect("far end");
    let scene = Arc::new(Scene {
        pid: relay.pid(),
        door: Door::Floor { relay },
        domain: "load.test".to_owned(),
        called: String::new(),
        codec: Codec::Opus,
        speech: None,
        video: false,
        identity: Arc::new(Identity::generate().expect("identity")),
        generator: Arc::new(Generator::start().expect("generator")),
        far_end: Arc::new(far_end),
        delay: Duration::ZERO,
        awake: None,
    });
    let shape = Shape {
        carried: Carried::Relayed,
        calls: 3,
        time: Duration::from_secs(1),
        rate: 20.0,
    };
    let mut rng = StdRng::from_seed([3; 32]);
    let round = Round::play(&scene, shape, 1, Outcome::default(), &mut rng)
        .await
        .expect("played");
    assert_eq!((round.up, &round.failures), (3, &Vec::new()));
    let findings = &round.through.findings;
    assert!(findings.sent >= 100, "{findings:?}");
    assert_eq!((findings.lost(), findings.damaged), (0, 0), "{findings:?}");
    assert!(round.cpu > Duration::ZERO);
    assert!(report::table(&[round]).contains("| floor | 3 |"));
}

#[tokio::test]
async fn cores_are_kept_awake_by_processes_that_tell_what_they_take() {
    let program = Path::new(env!("CARGO_BIN_EXE_load"));
    let awake = Awake::spinning(program).await.expect("util-linux");
    let before = awake.cpu().expect("alive");
    let deadline = Instant::now() + LIMIT;
    while awake.cpu().expect("alive") <= before {
        assert!(Instant::now() < deadline, "nothing is computed");
        sleep(Duration::from_millis(5)).await;
    }
}
