//! Sets the driver going: a reader for each socket, the channels to the owner, and the loop.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::{Driver, Ports};
use crate::driver::bind::{Bound, Listener};
use crate::driver::config::DriverConfig;
use crate::driver::core::Core;
use crate::driver::door::Door;
use crate::driver::flows::Flows;
use crate::driver::input::Input;
use crate::driver::keeping::Keeping;
use crate::driver::resolver::{Families, Resolver};
use crate::driver::udp::{self, UdpPort};
use crate::driver::{DriverCounts, MAX_COMMANDS, MAX_EVENTS, now, os_seed, tls};
use crate::transport::FlowId;

/// What readers may have ready before they wait.
const MAX_INPUTS: usize = 1024;
/// The pause after a failed accept: most likely out of descriptors.
const AFTER_ACCEPT_ERROR: Duration = Duration::from_millis(100);

/// Starts the loop. The join set holds one task, which joins all others.
pub(in crate::driver) fn start<C: Core>(
    config: DriverConfig,
    bound: Bound,
    core: C,
) -> io::Result<(Ports<C>, JoinSet<()>)> {
    let (commands_in, commands) = mpsc::channel(MAX_COMMANDS);
    let (events, events_out) = mpsc::channel(MAX_EVENTS);
    let (counts, counts_out) = watch::channel(DriverCounts::default());
    let (inputs_in, inputs) = mpsc::channel(MAX_INPUTS);
    let mut rng = StdRng::from_seed(os_seed()?);
    let mut readers = JoinSet::new();

    let listened = bound.udp.len() + bound.listeners.len();
    let families = Families::of(&bound.local);
    let door = Arc::new(Door::new(C::GUARDED, now()));
    let mut udp = Vec::new();
    for (number, socket) in (1..).zip(bound.udp) {
        let port = UdpPort {
            flow: FlowId(number),
            local: socket.local_addr()?,
            socket,
        };
        readers.spawn(udp::read(
            port.clone(),
            Arc::clone(&door),
            inputs_in.clone(),
        ));
        udp.push(port);
    }
    for listener in bound.listeners {
        readers.spawn(accept(listener, inputs_in.clone()));
    }
    let flow_rng = StdRng::from_seed(rng.random());
    let keeping_rng = StdRng::from_seed(rng.random());
    let resolver_rng = StdRng::from_seed(rng.random());
    let driver = Driver {
        core,
        door: Arc::clone(&door),
        flows: Flows::new(
            udp,
            config.max_flows,
            tls::Connectors::new(&config.tls)?,
            Arc::clone(&door),
            inputs_in.clone(),
            flow_rng,
        ),
        keeping: Keeping::new(keeping_rng),
        resolver: Resolver::new(&config.name_servers, families, inputs_in, resolver_rng)?,
        readers,
        carriers: JoinSet::new(),
        inputs,
        commands,
        events,
        backlog: VecDeque::new(),
        counts,
        totals: DriverCounts {
            sockets: listened,
            ..DriverCounts::default()
        },
        shutdown_limit: config.shutdown_limit,
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(driver.run());
    let ports = Ports {
        commands: commands_in,
        events: events_out,
        counts: counts_out,
        local: bound.local,
        door,
    };
    Ok((ports, tasks))
}

/// Accepts streams until nobody listens any more.
async fn accept(listener: Listener, inputs: mpsc::Sender<Input>) {
    loop {
        match listener.socket.accept().await {
            Ok((stream, _)) => {
                let input = Input::Accepted {
                    transport: listener.transport,
                    stream,
                    acceptor: listener.acceptor.clone(),
                };
                if inputs.send(input).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "accepting a stream failed");
                tokio::time::sleep(AFTER_ACCEPT_ERROR).await;
            }
        }
    }
}
