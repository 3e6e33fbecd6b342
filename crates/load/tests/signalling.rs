//! Signalling without media against the whole gateway, in this process, at a tiny size: it works
//! and what is told is told right. What it costs is measured with the daemon, in a release build.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use load::browser::{Credentials, Identity};
use load::calling::{self, caller};
use load::offer::Offer;
use load::registering::{self, come_back};
use load::script::{FarEnd, Manners};
use media::rtp::Ssrc;
use rand::SeedableRng;
use rand::rngs::StdRng;
use sylk_gateway::config::Config;
use sylk_gateway::signaling::sylkrtc::http::Pages;
use sylk_gateway::supervisor::Gateway;

const MANNERS: Manners = Manners {
    granted: 600,
    always_challenge: false,
};
const LIMIT: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_register_with_digest_and_come_back_to_their_registrar() {
    let far_end = FarEnd::start(loopback(), MANNERS, 0).expect("far end");
    let gateway = gateway(&far_end, ";transport=tcp").await;
    let plan = registering::Plan {
        accounts: 5,
        sockets: 2,
        window: 4,
        rate: 0,
        watch: Duration::ZERO,
    };
    let pid = std::process::id();
    let (found, keeping) = registering::register(&ws(&gateway), pid, &far_end, plan)
        .await
        .expect("registered");
    assert_eq!((found.up, &found.failures), (5, &Vec::new()));
    assert_eq!(found.challenged, 5);
    let seen = far_end.seen();
    assert_eq!((seen.challenged, seen.registered), (7, 7));

    let back = come_back(&far_end, 7, Duration::from_millis(50), LIMIT)
        .await
        .expect("back");
    assert_eq!(back.bound, 7);
    assert!((1..=7).contains(&back.most_per_second), "{back:?}");
    drop(keeping);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_end_as_soon_as_they_are_answered() {
    let far_end = FarEnd::start(loopback(), MANNERS, 6).expect("far end");
    let gateway = gateway(&far_end, "").await;
    let mut rng = StdRng::from_seed([4; 32]);
    let offer = Offer {
        address: (Ipv4Addr::LOCALHOST, 9).into(),
        credentials: &Credentials::random(&mut rng),
        fingerprint: Identity::generate().expect("identity").fingerprint(),
        ssrc: Ssrc(7),
        video: None,
    };
    let plan = calling::Plan {
        first: 0,
        calls: 6,
        pages: 2,
        rate: 50,
    };
    let offer: Arc<str> = offer.text().into();
    let pid = std::process::id();
    let found = calling::call(&ws(&gateway), pid, &far_end, plan, &offer)
        .await
        .expect("called");
    assert_eq!((found.done, &found.failures), (6, &Vec::new()));
    assert_eq!(found.to_invite.count(), 6);
    gateway.stop().await;
    let seen = far_end.seen();
    assert_eq!((seen.invited, seen.ended), (6, 6));
}

#[tokio::test]
async fn the_sip_stack_alone_calls_too() {
    let far_end = FarEnd::start(loopback(), MANNERS, 0).expect("far end");
    caller::run(far_end.address(), 5, 2).await.expect("called");
    let seen = far_end.seen();
    assert_eq!((seen.invited, seen.ended), (5, 5));
}

async fn gateway(far_end: &FarEnd, transport: &str) -> Gateway {
    let sip = free_port();
    let proxy = far_end.address();
    let config = Config::parse(&format!(
        "[[web.listen]]\naddress = \"127.0.0.1:0\"\n\
         [sip]\noutbound_proxy = \"sip:{proxy}{transport};lr\"\n\
         [[sip.listen]]\ntransport = \"udp\"\naddress = \"127.0.0.1:{sip}\"\n\
         [media]\nallow_loopback = true\n\
         [media.browser]\naddress = \"127.0.0.1\"\nport = 0\n\
         [media.phone]\naddress = \"127.0.0.1\"\nports = [28400, 28499]\n"
    ));
    let config = config.expect("a configuration");
    Gateway::start(config, Pages::None).await.expect("starts")
}

/// Free a moment ago.
fn free_port() -> u16 {
    let socket = UdpSocket::bind(loopback()).expect("loopback");
    socket.local_addr().expect("bound").port()
}

fn ws(gateway: &Gateway) -> String {
    format!("ws://{}/webrtcgateway/ws", gateway.web_addresses()[0])
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}
