use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

#[test]
fn turns_begin_no_faster_than_the_pace() {
    let mut bench = Bench::new(PaceConfig::default());
    for n in 0..500 {
        bench.enqueue(n, Rank::Other(bench.now));
    }
    let started = bench.run(Duration::from_secs(20), true);
    assert_eq!(started.len(), 500);
    for (index, (at, _)) in started.iter().enumerate() {
        let second = |(later, _): &&(Instant, AccountId)| *later < *at + Duration::from_secs(1);
        let within = started[index..].iter().take_while(second).count();
        assert!(within <= 50, "{within} in one second");
    }
    let took = started[499].0 - started[0].0;
    assert!(took < Duration::from_millis(11_200), "{took:?}");
}

#[test]
fn late_timers_do_not_slow_the_pace_down() {
    let mut bench = Bench::new(PaceConfig {
        per_second: 1000,
        in_flight: 1000,
    });
    for n in 0..1000 {
        bench.enqueue(n, Rank::Other(bench.now));
    }
    let begin = bench.now;
    let mut count = 0;
    while count < 1000 {
        bench.now += Duration::from_micros(3300);
        while bench.pacer.poll(bench.now, &mut bench.rng).is_some() {
            count += 1;
        }
    }
    let took = bench.now - begin;
    assert!(took < Duration::from_millis(1010), "{took:?}");
    assert!(took > Duration::from_millis(980), "{took:?}");
}

#[test]
fn without_a_pace_only_the_number_in_flight_is_limited() {
    let mut bench = Bench::new(PaceConfig {
        per_second: 0,
        in_flight: 7,
    });
    for n in 0..20 {
        bench.enqueue(n, Rank::Other(bench.now));
    }
    let started = bench.run(Duration::from_millis(1), false);
    assert_eq!(started.len(), 7);
    bench.finish(started[0].1);
    assert_eq!(bench.run(Duration::from_millis(1), false).len(), 1);
}

#[test]
fn living_bindings_go_first_the_soonest_end_before_all() {
    let mut bench = Bench::new(PaceConfig::default());
    let now = bench.now;
    bench.enqueue(1, Rank::Other(now));
    bench.enqueue(2, Rank::Other(now));
    bench.enqueue(3, Rank::Refresh(now + Duration::from_secs(60)));
    bench.enqueue(4, Rank::Refresh(now + Duration::from_secs(30)));
    let order = bench.run(Duration::from_secs(1), true);
    let order: Vec<_> = order.into_iter().map(|(_, account)| account).collect();
    assert_eq!(order, [4, 3, 1, 2].map(AccountId::new));
}

#[test]
fn accounts_of_one_address_go_one_after_the_other() {
    let mut bench = Bench::new(PaceConfig::default());
    let (now, same) = (bench.now, Arc::from("alice@example.com"));
    for n in 1..=3 {
        bench
            .pacer
            .enqueue(bench.hop, &same, Rank::Other(now), AccountId::new(n), now);
    }
    assert_eq!(bench.run(Duration::from_secs(5), false).len(), 1);
    bench.pacer.finished(bench.hop, &same, bench.now);
    assert_eq!(bench.run(Duration::from_secs(5), false).len(), 1);
    bench
        .pacer
        .withdraw(bench.hop, &same, Rank::Other(now), AccountId::new(3), now);
    bench.pacer.finished(bench.hop, &same, bench.now);
    assert_eq!(bench.run(Duration::from_secs(5), false).len(), 0);
}

#[test]
fn a_hop_that_serves_nobody_is_asked_by_one_at_a_time() {
    let mut bench = Bench::new(PaceConfig::default());
    for n in 0..100 {
        bench.enqueue(n, Rank::Other(bench.now));
    }
    for n in [200, 201] {
        bench.not_served(n);
    }
    let asked = bench.run(Duration::from_secs(60), false).len();
    assert!((10..=13).contains(&asked), "{asked}");
    assert_eq!(bench.pacer.poll_news(), Some((bench.hop, HopNews::Lost)));

    bench.pacer.answered(bench.hop, bench.now);
    assert!(matches!(
        bench.pacer.poll_news(),
        Some((_, HopNews::Returned(_)))
    ));
    let rest = bench.run(Duration::from_secs(2), true).len();
    assert_eq!(rest, 100 - asked);
}

#[test]
fn with_the_pace_lifted_a_hop_is_asked_soon_though_nobody_is_left_in_the_queue() {
    let mut bench = Bench::new(PaceConfig {
        per_second: 0,
        in_flight: 10_000,
    });
    for n in 0..150 {
        bench.enqueue(n, Rank::Other(bench.now));
    }
    assert_eq!(bench.run(Duration::ZERO, false).len(), 150);
    bench.pacer.join(&target());
    for n in 0..150 {
        bench.not_served(n);
        bench.finish(AccountId::new(n));
        bench.enqueue(n, Rank::Other(bench.now));
    }
    let asked = bench.run(Duration::from_secs(10), false).len();
    assert!((15..=21).contains(&asked), "{asked}");
    bench.pacer.answered(bench.hop, bench.now);
    assert_eq!(bench.run(Duration::ZERO, false).len(), 150 - asked);
}

#[test]
fn one_account_alone_asks_as_rfc_5626_says() {
    let mut bench = Bench::new(PaceConfig::default());
    bench.pacer.leave(bench.hop);
    assert!(bench.pacer.hops.is_empty() && bench.pacer.by_target.is_empty());
    bench.hop = bench.pacer.join(&target());
    bench.not_served(1);
    let mut attempts = Vec::new();
    for _ in 0..12 {
        bench.enqueue(1, Rank::Other(bench.now));
        let begun = bench.run_until_one();
        attempts.push(begun);
        bench.finish(AccountId::new(1));
    }
    let waits: Vec<_> = attempts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits.iter().all(|wait| *wait >= Duration::from_secs(15)));
    assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(1800)));
    assert!(
        *waits.last().unwrap() >= Duration::from_secs(120),
        "{waits:?}"
    );
}

#[test]
fn a_hop_that_asks_for_it_is_left_alone() {
    let mut bench = Bench::new(PaceConfig::default());
    bench.enqueue(1, Rank::Other(bench.now));
    let until = bench.now + Duration::from_secs(120);
    bench.pacer.pause(bench.hop, until, bench.now);
    assert!(bench.run(Duration::from_secs(119), true).is_empty());
    assert_eq!(bench.run(Duration::from_secs(2), true).len(), 1);
}

#[test]
fn who_asks_in_person_is_tried_soon() {
    let mut bench = Bench::new(PaceConfig::default());
    for n in [200, 201] {
        bench.not_served(n);
    }
    bench.enqueue(1, Rank::Other(bench.now));
    bench.pacer.urge(bench.hop, bench.now);
    assert_eq!(bench.run(Duration::from_secs(1), true).len(), 1);
}

struct Bench {
    pacer: Pacer,
    hop: HopId,
    now: Instant,
    rng: StdRng,
    names: BTreeMap<AccountId, Arc<str>>,
}

impl Bench {
    fn new(config: PaceConfig) -> Self {
        let mut pacer = Pacer::new(config);
        let hop = pacer.join(&target());
        Self {
            pacer,
            hop,
            now: epoch(),
            rng: StdRng::seed_from_u64(1),
            names: BTreeMap::new(),
        }
    }

    fn enqueue(&mut self, n: u64, rank: Rank) {
        let (account, aor) = (AccountId::new(n), Arc::from(format!("{n}@example.com")));
        self.pacer.enqueue(self.hop, &aor, rank, account, self.now);
        self.names.insert(account, aor);
    }

    fn finish(&mut self, account: AccountId) {
        self.pacer
            .finished(self.hop, &self.names[&account], self.now);
    }

    fn not_served(&mut self, n: u64) {
        // The pretended account counts as one of this hop's.
        if n >= 200 {
            self.pacer.join(&target());
        }
        let reason = StatusReason::new(408, "Request Timeout");
        let account = AccountId::new(n);
        self.pacer
            .not_served(self.hop, account, true, &reason, self.now);
    }

    /// Who begins within this time; with `answer`, each ends at once.
    fn run(&mut self, time: Duration, answer: bool) -> Vec<(Instant, AccountId)> {
        let (end, mut begun) = (self.now + time, Vec::new());
        loop {
            while let Some(account) = self.pacer.poll(self.now, &mut self.rng) {
                begun.push((self.now, account));
                if answer {
                    self.finish(account);
                }
            }
            match self.pacer.next_timeout().filter(|next| *next <= end) {
                Some(next) => self.now = self.now.max(next),
                None => break,
            }
        }
        self.now = end;
        begun
    }

    fn run_until_one(&mut self) -> Instant {
        loop {
            if self.pacer.poll(self.now, &mut self.rng).is_some() {
                return self.now;
            }
            self.now = self.pacer.next_timeout().expect("somebody waits");
        }
    }
}

fn target() -> Target {
    Target {
        host: "registrar.example.com".to_owned(),
        port: None,
        transport: None,
        secure: false,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "an arbitrary origin of virtual time"
)]
fn epoch() -> Instant {
    Instant::now()
}
