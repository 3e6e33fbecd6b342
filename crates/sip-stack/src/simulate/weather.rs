//! What the network and the proxies do to a run: drawn once, from the seed.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use crate::transport::Transport;

/// The surroundings of one run.
#[derive(Clone, Debug)]
pub(super) struct Weather {
    /// How many datagrams of a hundred vanish.
    pub(super) loss: u32,
    /// How many of a hundred arrive twice.
    pub(super) duplication: u32,
    /// Latency is uniform up to this: more than the distance of two datagrams reorders.
    pub(super) latency: Duration,
    /// How many 2xx to an INVITE of a hundred come again much later.
    pub(super) echoes: u32,
    /// What agents ask for in their proxy's URI, one each.
    pub(super) transports: Vec<Transport>,
    /// How agents are configured, one each.
    pub(super) habits: Vec<Habits>,
    /// Whether the proxies want credentials for whatever may be challenged.
    pub(super) strict: bool,
    /// Whether the proxies stay in the way of a dialog.
    pub(super) record_route: bool,
    /// Whether the third agent is a second phone of bob.
    pub(super) forking: bool,
    /// Below this, the registrar answers 423.
    pub(super) min_expires: u32,
    /// How many look-ups of a hundred fail.
    pub(super) lookup_failures: u32,
    /// What breaks, and when: seconds from the beginning.
    pub(super) troubles: Vec<(u32, Trouble)>,
}

/// What one user agent does and wants.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habits {
    /// How long a session lives without a refresh, in seconds; 0: for ever.
    pub(super) session_expires: u32,
    /// Whether it does without peers that know no reliable responses.
    pub(super) require_100rel: bool,
}

impl Habits {
    fn draw(rng: &mut StdRng) -> Self {
        Self {
            session_expires: [0, 90, 90, 100, 150, 1800][rng.random_range(0..6)],
            require_100rel: rng.random_bool(0.2),
        }
    }
}

/// Something that breaks or is mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// A proxy vanishes with its streams.
    Down(usize),
    /// It is back, and has kept its bindings.
    Up(usize),
    /// Both proxies forget bindings and nonces, and lose their streams.
    Restart,
    /// A proxy answers 503 to every request.
    Busy(usize),
    /// It serves again.
    Idle(usize),
    /// Every stream is reset.
    Cut,
    /// An agent hears nobody, and nobody hears it.
    Asleep(usize),
    /// It is back.
    Awake(usize),
}

impl Weather {
    pub(super) fn draw(rng: &mut StdRng, agents: usize) -> Self {
        let (loss, duplication, latency) = match rng.random_range(0..4) {
            0 => (0, 0, 20),
            1 => (2, 1, 80),
            2 => (10, 10, 900),
            _ => (20, 10, 300),
        };
        let transport = |rng: &mut StdRng| match rng.random_range(0..5) {
            0 | 1 => Transport::Tcp,
            _ => Transport::Udp,
        };
        let mut weather = Self {
            loss,
            duplication,
            latency: Duration::from_millis(latency),
            echoes: [0, 20][rng.random_range(0..2)],
            transports: (0..agents).map(|_| transport(rng)).collect(),
            habits: (0..agents).map(|_| Habits::draw(rng)).collect(),
            strict: rng.random_bool(0.25),
            record_route: rng.random_bool(0.5),
            forking: rng.random_bool(0.3),
            min_expires: [0, 0, 0, 300][rng.random_range(0..4)],
            lookup_failures: [0, 0, 5][rng.random_range(0..3)],
            troubles: Vec::new(),
        };
        if rng.random_bool(0.4) {
            for _ in 0..rng.random_range(1..4) {
                weather.draw_trouble(rng, agents);
            }
        }
        weather
    }

    /// Calm air, for runs in which somebody else makes the trouble.
    pub(super) fn calm(&mut self) {
        self.loss = 0;
        self.duplication = 0;
        self.latency = Duration::from_millis(20);
        self.transports.fill(Transport::Udp);
        self.echoes = 0;
        self.lookup_failures = 0;
        self.troubles.clear();
    }

    /// Whether both ends of a call can always hear of its end.
    pub(super) fn is_steady(&self) -> bool {
        self.troubles.is_empty() && self.lookup_failures == 0
    }

    /// Nor is more than a little lost: whatever is said is heard.
    pub(super) fn is_calm(&self) -> bool {
        self.is_steady() && self.loss <= 2
    }

    /// Whether every call ends some minutes after one end of it has vanished.
    pub(super) fn sessions_expire(&self) -> bool {
        let mut all = self.habits.iter();
        all.all(|habits| (1..=150).contains(&habits.session_expires))
    }

    fn draw_trouble(&mut self, rng: &mut StdRng, agents: usize) {
        let at = rng.random_range(0..120);
        let until = at + rng.random_range(1..90);
        let proxy = rng.random_range(0..2);
        let agent = rng.random_range(0..agents);
        let more = match rng.random_range(0..5) {
            0 => [(at, Trouble::Down(proxy)), (until, Trouble::Up(proxy))],
            1 => [(at, Trouble::Busy(proxy)), (until, Trouble::Idle(proxy))],
            2 => [(at, Trouble::Restart), (until, Trouble::Cut)],
            3 => [(at, Trouble::Asleep(agent)), (until, Trouble::Awake(agent))],
            _ => [(at, Trouble::Cut), (until, Trouble::Cut)],
        };
        self.troubles.extend(more);
    }
}
