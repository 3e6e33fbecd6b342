//! `sylk-gateway demo`: a first call on one machine, with nothing else installed.
//!
//! One process on loopback only: the gateway as `serve` runs it, a registrar and proxy
//! ([`proxy`]), far ends that answer ([`far_end`]), and the web phone ([`page`]). The parts know
//! each other by SIP and RTP alone, as they would across a network.

mod audio;
mod far_end;
mod page;
mod proxy;
mod proxy_task;
mod registrar;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use sip_stack::account::{AccountConfig, AccountId, Ha1};
use sip_stack::command::Command;
use sip_stack::driver::{self, DriverConfig, EventReceiver, Handle, Listen, Running};
use sip_stack::event::{Event, RegistrationState};
use sip_stack::message::Uri;
use sip_stack::transport::Transport;
use sip_stack::user_agent::UserAgentConfig;
use tokio::task::JoinSet;
use tokio::time::timeout;

use self::far_end::{FarEnds, Role};
use self::proxy_task::ProxySocket;
use crate::config::Config;
use crate::config::media::Addresses;
use crate::config::sip::{SipListen, SipTransport};
use crate::config::web::WebListen;
use crate::random::Random;
use crate::signaling::sylkrtc::http::Pages;
use crate::supervisor::{Gateway, StartError};

/// The domain of the demo; a name that DNS will never know (RFC 6761).
const DOMAIN: &str = "sylk.test";
/// Accounts for people: user and password.
const PEOPLE: [(&str, &str); 2] = [("alice", "alice"), ("bob", "bob")];
/// Accounts of the far ends.
const FAR_ENDS: [(&str, Role); 4] = [
    ("echo", Role::Echo),
    ("tone", Role::Tone),
    ("callback", Role::CallBack),
    ("busy", Role::Busy),
];
/// Where phones of this machine can register too, if nobody else has the port.
const REGISTRAR_PORT: u16 = 5060;
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// How long the far ends may take to register.
const READY_LIMIT: Duration = Duration::from_secs(10);
/// How long they may take to unregister.
const STOP_LIMIT: Duration = Duration::from_secs(2);

/// The running demo.
#[derive(Debug)]
pub struct Demo {
    gateway: Gateway,
    registrar: SocketAddr,
    far_ends: Handle,
    far_ends_running: Running,
    tasks: JoinSet<()>,
}

impl Demo {
    /// Starts everything; on return a call can be made. `port` is the web port on `localhost`.
    ///
    /// # Errors
    /// When the web port or another socket cannot be bound. Nothing is left running.
    pub async fn start(port: u16) -> Result<Self, StartError> {
        let mut random = Random::from_system();
        let mut tasks = JoinSet::new();
        let socket = ProxySocket::bind(LOOPBACK, REGISTRAR_PORT)
            .await
            .map_err(StartError::Sip)?;
        let registrar = socket.addr();
        let passwords = FAR_ENDS.map(|(user, _)| (user.to_owned(), random.number().to_string()));
        let people = PEOPLE.map(|(user, password)| (user.to_owned(), password.to_owned()));
        let accounts = people.into_iter().chain(passwords.clone());
        tasks.spawn(socket.serve(DOMAIN, accounts.collect(), random.number()));

        let (far_ends, events, far_ends_running) =
            start_far_ends(registrar, &passwords, &mut random)
                .await
                .map_err(StartError::Sip)?;
        let roles = FAR_ENDS.iter().zip(1..);
        let roles: HashMap<_, _> = roles
            .map(|((_, role), number)| (AccountId::new(number), *role))
            .collect();
        tasks.spawn(FarEnds::new(far_ends.clone(), LOOPBACK, roles).run(events));

        let pages = Pages::Embedded(page::PAGES);
        let gateway = Gateway::start(config(port, registrar), pages).await?;
        Ok(Self {
            gateway,
            registrar,
            far_ends,
            far_ends_running,
            tasks,
        })
    }

    /// The gateway within.
    pub fn gateway(&mut self) -> &mut Gateway {
        &mut self.gateway
    }

    /// What to tell the person who started it.
    pub fn welcome(&self) -> String {
        let port = self.gateway.web_addresses()[0].port();
        let people = PEOPLE.map(|(user, password)| format!("{user}@{DOMAIN}, password {password}"));
        let ends = FAR_ENDS.map(|(user, _)| user).join(", ");
        format!(
            "the demo is ready\n\n  \
             Open      http://localhost:{port}/\n  \
             Sign in   {}\n  \
             Call      {ends}, or one another\n  \
             Phones    of this machine can register at sip:{};transport=udp\n\n\
             Press Ctrl-C to stop.",
            people.join("; "),
            self.registrar,
        )
    }

    /// Ends every call and stops all parts, the gateway first.
    pub async fn stop(mut self) {
        self.gateway.stop().await;
        if self.far_ends.command(Command::Shutdown).await.is_err() {
            tracing::debug!("the far ends have stopped before");
        }
        drop(self.far_ends);
        match timeout(STOP_LIMIT, self.far_ends_running.ended()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the far ends failed"),
            Err(_) => tracing::warn!("the far ends did not stop in time"),
        }
        self.tasks.shutdown().await;
    }
}

/// The configuration of the gateway within the demo.
fn config(port: u16, registrar: SocketAddr) -> Config {
    let mut config = Config::default();
    config.web.listen = web_addresses(port)
        .into_iter()
        .map(|address| WebListen {
            address,
            advertised: None,
            certificate: None,
            key: None,
        })
        .collect();
    config.sip.listen = vec![SipListen {
        transport: SipTransport::Udp,
        address: SocketAddr::new(LOOPBACK, 0),
        advertised: None,
        certificate: None,
        key: None,
    }];
    config.sip.outbound_proxy = Some(format!("sip:{registrar};transport=udp;lr"));
    config.sip.domains = vec![DOMAIN.to_owned()];
    config.media.browser.address = Addresses::One(LOOPBACK);
    config.media.browser.port = 0;
    config.media.phone.address = LOOPBACK;
    config.media.allow_loopback = true;
    config
}

/// `localhost` is two addresses, where the machine has IPv6.
fn web_addresses(port: u16) -> Vec<SocketAddr> {
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    let has_v6 = port != 0 && TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    let mut addresses = vec![SocketAddr::new(LOOPBACK, port)];
    addresses.extend(has_v6.then_some(v6));
    addresses
}

/// Starts the far ends' user agent and waits until all of them are registered.
async fn start_far_ends(
    registrar: SocketAddr,
    passwords: &[(String, String)],
    random: &mut Random,
) -> io::Result<(Handle, EventReceiver, Running)> {
    let driver_config = DriverConfig {
        listen: vec![Listen::new(Transport::Udp, SocketAddr::new(LOOPBACK, 0))],
        ..DriverConfig::default()
    };
    let agent = UserAgentConfig {
        user_agent: "sylk-gateway demo".to_owned(),
        ..UserAgentConfig::default()
    };
    let (handle, mut events, running) = driver::start(driver_config, agent)?;
    let proxy =
        Uri::parse(&format!("sip:{registrar};transport=udp;lr")).map_err(io::Error::other)?;
    for ((user, password), number) in passwords.iter().zip(1..) {
        let account = AccountId::new(number);
        let ha1 = Ha1::compute(user, DOMAIN, password);
        let instance = uuid::Uuid::from_u64_pair(random.number(), random.number());
        let mut config = AccountConfig::new(format!("{user}@{DOMAIN}"), ha1, instance.to_string());
        config.outbound_proxy = Some(proxy.clone());
        for command in [
            Command::AddAccount { account, config },
            Command::Register { account },
        ] {
            handle.command(command).await.map_err(io::Error::other)?;
        }
    }
    let all_registered = async {
        let mut left = passwords.len();
        while left > 0 {
            match events.recv().await {
                Some(Event::Registration {
                    state: RegistrationState::Registered { .. },
                    ..
                }) => left -= 1,
                Some(
                    Event::Registration { .. }
                    | Event::Incoming { .. }
                    | Event::Session { .. }
                    | Event::Message { .. }
                    | Event::MessageResult { .. },
                ) => {}
                None => return Err(io::Error::other("the far ends' user agent has ended")),
            }
        }
        Ok(())
    };
    timeout(READY_LIMIT, all_registered).await.map_err(|_| {
        io::Error::new(io::ErrorKind::TimedOut, "the far ends could not register")
    })??;
    Ok((handle, events, running))
}
