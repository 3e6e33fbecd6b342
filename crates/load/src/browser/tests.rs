//! Transports a long way from each other, on virtual time.

use std::net::SocketAddr;
use std::time::Duration;

use rand::SeedableRng;

use super::*;

const HANDSHAKE: u8 = 22;

#[test]
fn the_answer_to_the_first_check_will_do_after_the_next_has_left() {
    let mut ends = Ends::new();
    let [page, gateway] = &mut ends.0;
    page.handle_timeout(ends.1).expect("alive");
    let first = page.take_transmits().remove(0);
    let later = ends.1 + Duration::from_millis(100);
    page.handle_timeout(later).expect("alive");
    assert_eq!(page.take_transmits().len(), 1, "the next check");
    gateway.handle_datagram(&first, later).expect("alive");
    let answer = gateway.take_transmits().remove(0);
    page.handle_datagram(&answer, later).expect("alive");
    assert!(matches!(page.security, Security::Handshaking(_)));
}

#[test]
fn a_hello_that_overtakes_the_answer_to_the_check_is_not_lost() {
    let mut ends = Ends::new();
    let now = ends.1;
    let [page, gateway] = &mut ends.0;
    for end in [&mut *page, &mut *gateway] {
        end.handle_timeout(now).expect("alive");
    }
    let theirs = gateway.take_transmits().remove(0);
    let ours = page.take_transmits().remove(0);
    page.handle_datagram(&theirs, now).expect("alive");
    for answer in page.take_transmits() {
        gateway.handle_datagram(&answer, now).expect("alive");
    }
    let hello = gateway.take_transmits().remove(0);
    assert_eq!(hello[0], HANDSHAKE);
    page.handle_datagram(&hello, now).expect("alive");
    assert_eq!(page.take_transmits(), Vec::<Bytes>::new());
    gateway.handle_datagram(&ours, now).expect("alive");
    for answer in gateway.take_transmits() {
        page.handle_datagram(&answer, now).expect("alive");
    }
    let flight = page.take_transmits();
    assert!(flight.first().is_some_and(|first| first[0] == HANDSHAKE));
}

/// The page, which waits for the hello, and a gateway that checks too; and when it is.
struct Ends([BrowserTransport; 2], Instant);

impl Ends {
    #[allow(
        clippy::disallowed_methods,
        reason = "a starting point for virtual time"
    )]
    fn new() -> Self {
        let now = Instant::now();
        let identity = Arc::new(Identity::generate().expect("identity"));
        let mut rng = StdRng::from_seed([5; 32]);
        let [page, gateway] = [(); 2].map(|()| Credentials::random(&mut rng));
        let address: SocketAddr = "192.0.2.1:4000".parse().expect("address");
        let mut end = |local: &Credentials, remote: &Credentials, role| {
            let remote = Remote {
                address,
                credentials: remote.clone(),
                fingerprint: identity.fingerprint(),
                role,
            };
            let rng = StdRng::from_rng(&mut rng);
            BrowserTransport::new(identity.clone(), local, remote, rng, now)
        };
        let ends = [
            end(&page, &gateway, DtlsRole::Server),
            end(&gateway, &page, DtlsRole::Client),
        ];
        Self(ends, now)
    }
}
