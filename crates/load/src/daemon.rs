//! A daemon of our own to measure: its configuration, its start, its end.
//!
//! Runs on loopback with ports that were free a moment before, so that it disturbs nobody and
//! several can be measured one after the other, each with a memory of its own.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::health::Health;

const START_LIMIT: Duration = Duration::from_secs(15);
/// The daemon's own limit for a stop is 8 s.
const STOP_LIMIT: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(50);
/// Below the ports the system gives away by itself.
const PORTS: std::ops::Range<u16> = 10_950..18_000;
const PHONE_PORTS: std::ops::Range<u16> = 18_000..28_000;
const TRIES: usize = 100;
/// Lines of its log that are shown when it fails.
const LOG_TAIL: usize = 20;

/// What a daemon is made for.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Calls at a time.
    pub calls: usize,
    /// The proxy of all accounts, as a SIP URI.
    pub proxy: Option<String>,
    /// Accounts on one WebSocket, where that is more than usual; requests come as fast as they can then.
    pub accounts_per_socket: Option<usize>,
    /// More lines of the table `[sip]`.
    pub sip: String,
}

impl Setup {
    /// The lines of `[sip]`.
    fn sip(&self) -> String {
        let proxy = self.proxy.as_ref();
        let proxy = proxy.map(|proxy| format!("outbound_proxy = \"{proxy}\"\n"));
        format!("[sip]\n{}{}\n", proxy.unwrap_or_default(), self.sip)
    }

    /// The table `[limits]`.
    fn limits(&self) -> String {
        self.accounts_per_socket
            .map_or_else(String::new, |accounts| {
                format!(
                    "[limits]\naccounts_per_socket = {accounts}\ncalls_per_account = 10000\n\
                 requests_per_second = 1000000\nrequests_burst = 1000000\nwrite_queue = 100000\n"
                )
            })
    }
}

/// A running daemon. Dropping it kills the process.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    pid: u32,
    web: SocketAddr,
    directory: PathBuf,
}

impl Daemon {
    /// Writes a configuration for `calls` calls, starts the program with it, and waits until it
    /// says that it serves.
    ///
    /// # Errors
    /// When it does not come to that; with the end of its log.
    pub async fn start(program: &Path, calls: usize, rng: &mut StdRng) -> io::Result<Self> {
        Self::start_as(
            program,
            &Setup {
                calls,
                ..Setup::default()
            },
            rng,
        )
        .await
    }

    /// As [`Self::start`], with more to be told.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_as(program: &Path, setup: &Setup, rng: &mut StdRng) -> io::Result<Self> {
        let ports = Ports::free(rng)?;
        let name = format!("sylk-load-{}-{}", std::process::id(), ports.web);
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory)?;
        let config = directory.join("sylk-gateway.toml");
        fs::write(&config, ports.config(setup, rng))?;
        let log = fs::File::create(directory.join("log"))?;
        let child = Command::new(program)
            .arg("serve")
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().ok_or(io::ErrorKind::NotFound)?;
        let web = SocketAddr::from((Ipv4Addr::LOCALHOST, ports.web));
        let mut daemon = Self {
            child,
            pid,
            web,
            directory,
        };
        match daemon.serves().await {
            Ok(()) => Ok(daemon),
            Err(error) => {
                let log = daemon.log_tail();
                Err(io::Error::other(format!(
                    "{}: {error}\n{log}",
                    program.display()
                )))
            }
        }
    }

    async fn serves(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("ended at once, {status}")));
            }
            if let Ok(health) = Health::ask(self.web).await
                && health.status == 200
            {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            sleep(PAUSE).await;
        }
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Where browsers connect.
    #[must_use]
    pub fn web(&self) -> SocketAddr {
        self.web
    }

    /// The end of its log.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL)..].join("\n")
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    ///
    /// # Errors
    /// When it does not end in time, or not well.
    pub async fn stop(mut self) -> io::Result<()> {
        let pid = i32::try_from(self.pid).map_err(io::Error::other)?;
        kill(Pid::from_raw(pid), Signal::SIGTERM)?;
        let status = timeout(STOP_LIMIT, self.child.wait())
            .await
            .map_err(|_| io::Error::other("the daemon does not stop"))??;
        if status.success() {
            Ok(())
        } else {
            let log = self.log_tail();
            Err(io::Error::other(format!(
                "the daemon has ended with {status}\n{log}"
            )))
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // A left-over directory in the temporary one harms nobody.
        let _left = fs::remove_dir_all(&self.directory);
    }
}

/// The ports of one daemon.
#[derive(Clone, Copy, Debug)]
struct Ports {
    web: u16,
    sip: u16,
    browser: u16,
}

impl Ports {
    fn free(rng: &mut StdRng) -> io::Result<Self> {
        let mut tcp = || first_free(rng, |address| TcpListener::bind(address).map(drop));
        let web = tcp()?;
        let mut udp = || first_free(rng, |address| UdpSocket::bind(address).map(drop));
        let (sip, browser) = (udp()?, udp()?);
        if sip == browser {
            return Self::free(rng);
        }
        Ok(Self { web, sip, browser })
    }

    fn config(self, setup: &Setup, rng: &mut StdRng) -> String {
        let Self { web, sip, browser } = self;
        // Two ports for each call, and as many again that rest after the calls before.
        let wanted = u16::try_from(4 * setup.calls + 200).unwrap_or(u16::MAX);
        let width = wanted.min(PHONE_PORTS.end - PHONE_PORTS.start - 1);
        let first = rng.random_range(PHONE_PORTS.start..PHONE_PORTS.end - width);
        let last = first + width;
        format!(
            "# Written by load.\n\
             [[web.listen]]\naddress = \"127.0.0.1:{web}\"\n\n\
             {}[[sip.listen]]\ntransport = \"udp\"\naddress = \"127.0.0.1:{sip}\"\n\n\
             [media]\nallow_loopback = true\n\n\
             [media.browser]\naddress = \"127.0.0.1\"\nport = {browser}\n\n\
             [media.phone]\naddress = \"127.0.0.1\"\nports = [{first}, {last}]\n\n{}",
            setup.sip(),
            setup.limits(),
        )
    }
}

fn first_free(rng: &mut StdRng, bind: impl Fn(SocketAddr) -> io::Result<()>) -> io::Result<u16> {
    for _ in 0..TRIES {
        let port = rng.random_range(PORTS);
        if bind((Ipv4Addr::LOCALHOST, port).into()).is_ok() {
            return Ok(port);
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}
