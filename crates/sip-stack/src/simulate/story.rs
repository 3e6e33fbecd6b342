//! One seed from beginning to end: everybody registers, calls, and leaves; then nothing is
//! left.

use rand::RngExt;

use super::check::Surroundings;
use super::meddler::Meddler;
use super::tally::Tally;
use super::trace::Trace;
use super::users::{ACCOUNT, Moment};
use super::weather::Weather;
use super::world::{PROXY, World};
use crate::account::{AccountConfig, Ha1};
use crate::command::Command;
use crate::message::Uri;
use crate::transport::Transport;
use crate::user_agent::Counts;

const AGENTS: usize = 3;

/// Plays a seed. Gives what came of it, with the trace filled in.
///
/// # Panics
/// If anything that must hold does not.
pub fn run(seed: u64, trace: Trace) -> (Tally, Trace) {
    let mut world = World::new(seed, AGENTS, None, trace);
    let weather = format!("{:?}", world.weather);
    world.note(|| format!("seed {seed}: {weather}"));
    begin(&mut world);
    let calls = world.rng.random_range(2..5);
    place_calls(&mut world, calls, 90.0);
    quit_early(&mut world);
    world.until(400, |_| false);
    // The registrar may have been away: RFC 5626 §4.5 lets an agent wait for half an hour.
    world.until(4000, |world| {
        world.users.everybody_is_where_he_wants_to_be() && is_quiet(world)
    });
    assert!(is_quiet(&world), "a call has left something behind");
    assert!(
        world.users.everybody_is_where_he_wants_to_be(),
        "somebody is not registered in the end"
    );
    assert!(world.checks.all_ended(), "a session did not end");
    leave(&mut world);
    world.until(300, |_| false);
    world.checks.at_the_end(Surroundings {
        steady: world.weather.is_steady() && !world.weather.forking,
        calm: world.weather.is_calm() && !world.weather.forking,
    });
    world.checks.tally(&mut world.users.tally);
    nothing_is_left(&world);
    assert_eq!(world.proxies.registrar.refused, 0, "wrong credentials");
    (world.users.tally, world.trace)
}

/// Plays a conversation with somebody in the way of it: the first byte says which, the others
/// are orders for the meddler. For fuzzing.
///
/// # Panics
/// If an agent tells of a session after its end, sends without measure, keeps something in
/// the end, or panics by itself.
pub fn meddled(orders: &[u8], trace: Trace) -> Trace {
    let Some((&seed, orders)) = orders.split_first() else {
        return trace;
    };
    let mut world = World::new(seed.into(), AGENTS, Some(Weather::calm), trace);
    world.admit(Meddler::new(orders));
    begin(&mut world);
    // Who meddles may have taken the session timer away.
    world.users.sessions_expire = false;
    place_calls(&mut world, 2, 5.0);
    world.until(1000, |world| {
        world.users.is_idle() && world.checks.all_ended()
    });
    assert!(world.checks.all_ended(), "a session did not end");
    leave(&mut world);
    world.until(300, |_| false);
    nothing_is_left(&world);
    world.trace
}

/// Whether nothing of any call or text is left, though everybody is still there.
fn is_quiet(world: &World) -> bool {
    let mut all = world.agents.iter().map(|agent| agent.ua.counts());
    world.checks.all_ended()
        && all.all(|counts| {
            let Counts {
                sessions,
                dialogs,
                referrals,
                chats,
                ..
            } = counts;
            [sessions, dialogs, referrals, chats] == [0; 4]
        })
}

fn nothing_is_left(world: &World) {
    for (number, agent) in world.agents.iter().enumerate() {
        let counts = agent.ua.counts();
        assert!(counts.is_zero(), "agent {number} keeps {counts:?}");
    }
}

/// Gives every agent its account and lets it register.
fn begin(world: &mut World) {
    for agent in 0..AGENTS {
        let user = match agent {
            0 => "alice",
            1 => "bob",
            _ if world.weather.forking => "bob",
            _ => "carol",
        };
        world.checks.belongs_to(user);
        let ha1 = Ha1::compute(user, "example.com", "secret");
        world.proxies.registrar.add_user(user, ha1);
        let transport = match world.weather.transports[agent] {
            Transport::Udp => "udp",
            Transport::Tcp | Transport::Tls => "tcp",
        };
        let proxy = Uri::parse(&format!("sip:{PROXY};transport={transport};lr"));
        let config = AccountConfig {
            outbound_proxy: Some(proxy.expect("a good URI")),
            expires: 120,
            ..AccountConfig::new(
                format!("{user}@example.com"),
                ha1,
                format!("00000000-0000-4000-8000-00000000000{agent}"),
            )
        };
        let account = ACCOUNT;
        world.command(agent, Command::AddAccount { account, config });
        world.users.register(agent, world.now);
    }
    world.users.sessions_expire = world.weather.sessions_expire();
    world.until(5, |_| false);
}

fn place_calls(world: &mut World, calls: u32, seconds: f64) {
    for number in 0..calls {
        let mut moment = Moment {
            now: world.now,
            rng: &mut world.rng,
        };
        world.users.plan_call(number, seconds, &mut moment);
        world.users.plan_texts(seconds, &mut moment);
    }
}

/// Now and then somebody unregisters, or leaves for good, in the midst of it all.
fn quit_early(world: &mut World) {
    let mut moment = Moment {
        now: world.now,
        rng: &mut world.rng,
    };
    world.users.plan_quitting(&mut moment);
}

fn leave(world: &mut World) {
    for agent in 0..AGENTS {
        let command = match world.rng.random_bool(0.5) {
            true => Command::RemoveAccount { account: ACCOUNT },
            false => Command::Shutdown,
        };
        world.command(agent, command);
        world.command(agent, Command::RemoveAccount { account: ACCOUNT });
    }
}
