//! A short round against the whole gateway, in this process: the calls come up, lose nothing,
//! and leave nothing behind. What a call costs is measured with the daemon, in a release build.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use load::browser::Identity;
use load::codec::Codec;
use load::door::Door;
use load::far_end::{FarEnd, Manner};
use load::generator::Generator;
use load::health::Health;
use load::report;
use load::round::{Carried, Round, Scene, Shape, direct};
use rand::SeedableRng;
use rand::rngs::StdRng;
use sylk_gateway::config::Config;
use sylk_gateway::signaling::sylkrtc::http::Pages;
use sylk_gateway::supervisor::Gateway;
use tokio::time::{Instant, sleep};

const LIMIT: Duration = Duration::from_secs(20);
const DIRECT: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_with_video_through_the_gateway_lose_nothing_and_leave_nothing() {
    let gateway = Gateway::start(config(), Pages::None).await.expect("starts");
    let web = gateway.web_addresses()[0];
    let far_end =
        Arc::new(FarEnd::start(loopback(), Codec::Pcmu, Manner::default()).expect("far end"));
    let scene = Arc::new(Scene {
        door: Door::Sylk {
            ws: format!("ws://{web}/webrtcgateway/ws"),
        },
        pid: std::process::id(),
        domain: "load.test".to_owned(),
        called: format!("echo@{}", far_end.address()),
        codec: Codec::Pcmu,
        speech: None,
        video: true,
        identity: Arc::new(Identity::generate().expect("identity")),
        generator: Arc::new(Generator::start().expect("generator")),
        far_end: far_end.clone(),
        delay: Duration::ZERO,
        awake: None,
    });
    let shape = Shape {
        carried: Carried::Video,
        calls: 3,
        time: Duration::from_secs(1),
        rate: 20.0,
    };
    let mut rng = StdRng::from_seed([3; 32]);
    let (generator, far) = (&scene.generator, &scene.far_end);
    let direct = direct(
        generator,
        far,
        (Carried::Video, Codec::Pcmu),
        (3, 1),
        DIRECT,
        &mut rng,
    );
    let direct = direct.await.expect("played");
    let round = Round::play(&scene, shape, 4, direct, &mut rng)
        .await
        .expect("played");

    assert_eq!((round.up, &round.failures), (3, &Vec::new()));
    let findings = &round.through.findings;
    assert!(findings.sent >= 100, "{findings:?}");
    assert_eq!(findings.lost(), 0, "{findings:?}");
    assert_eq!((findings.damaged, findings.duplicates), (0, 0));
    let video = &round.through.video;
    assert!(video.sent >= 240, "{video:?}");
    assert_eq!((video.lost(), video.damaged), (0, 0), "{video:?}");
    assert_eq!(round.set_up.count(), 3);
    assert!(report::table(&[round]).contains("| sylk-gateway, with video | 3 |"));

    assert_eq!(far_end.calls(), 0);
    let deadline = Instant::now() + LIMIT;
    loop {
        let left = Health::ask(web).await.expect("serves").left();
        // For half a minute a forked answer may still come (RFC 3261 §13.2.2.4): until then
        // the transaction lives, with its timer and the account that would end that dialog.
        let forks = ["sip.transactions", "sip.timers", "sip.accounts"];
        let resting = |what: &String| forks.iter().any(|kind| what.starts_with(kind));
        if left.iter().all(resting) {
            break;
        }
        assert!(Instant::now() < deadline, "left: {left:?}");
        sleep(Duration::from_millis(20)).await;
    }
    gateway.stop().await;
}

fn config() -> Config {
    let sip = free_port();
    Config::parse(&format!(
        "[[web.listen]]\naddress = \"127.0.0.1:0\"\n\
         [[sip.listen]]\ntransport = \"udp\"\naddress = \"127.0.0.1:{sip}\"\n\
         [media]\nallow_loopback = true\n\
         [media.browser]\naddress = \"127.0.0.1\"\nport = 0\n\
         [media.phone]\naddress = \"127.0.0.1\"\nports = [28300, 28399]\n"
    ))
    .expect("a configuration")
}

/// Free a moment ago.
fn free_port() -> u16 {
    let socket = UdpSocket::bind(loopback()).expect("loopback");
    socket.local_addr().expect("bound").port()
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}
