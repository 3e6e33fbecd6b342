//! rtpengine to compare with: its process, in user space alone, and calls through its ng protocol.

mod bencode;
mod ng;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

pub use ng::NgCall;

const START_LIMIT: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(100);

/// A running rtpengine. Dropping it kills the process.
#[derive(Debug)]
pub struct Rtpengine {
    _child: Child,
    pid: u32,
    ng: SocketAddr,
}

impl Rtpengine {
    /// Starts it on loopback, without the kernel's module, and waits until it answers.
    ///
    /// # Errors
    /// When it does not come to that.
    pub async fn start(program: &Path, rng: &mut StdRng) -> io::Result<Self> {
        let port = rng.random_range(10_950..18_000);
        let ng = UdpSocket::bind((Ipv4Addr::LOCALHOST, port))?.local_addr()?;
        let child = Command::new(program)
            .args(["--config-file=none", "--foreground", "--log-stderr"])
            .args(["--log-level=1", "--table=-1", "--interface=127.0.0.1"])
            .args(["--port-min=20000", "--port-max=30000"])
            .arg(format!("--listen-ng={ng}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let rtpengine = Self {
            pid: child.id().ok_or(io::ErrorKind::NotFound)?,
            _child: child,
            ng,
        };
        let deadline = Instant::now() + START_LIMIT;
        while !ng::answers(ng).await? {
            if Instant::now() >= deadline {
                return Err(io::Error::other("rtpengine does not answer"));
            }
            sleep(PAUSE).await;
        }
        Ok(rtpengine)
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its control socket.
    #[must_use]
    pub fn ng(&self) -> SocketAddr {
        self.ng
    }
}
