//! A real name server on loopback.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use super::harness::DEADLINE;

/// A running dnsmasq; it ends with its owner.
pub(super) struct Dnsmasq {
    process: Child,
    pub(super) addr: SocketAddr,
}

impl Dnsmasq {
    /// Serves these records (options of dnsmasq) and knows of nothing else.
    pub(super) async fn start(records: &[String]) -> Self {
        for _ in 0..20 {
            if let Some(started) = Self::at(free_port(), records).await {
                return started;
            }
        }
        panic!("dnsmasq found no free port");
    }

    /// The same at this address; `None` if somebody else is there.
    pub(super) async fn at(addr: SocketAddr, records: &[String]) -> Option<Self> {
        let mut process = spawn(addr, records);
        let listening = tokio::time::timeout(DEADLINE, async {
            loop {
                if TcpStream::connect_timeout(&addr, Duration::from_secs(1)).is_ok() {
                    return true;
                }
                if process.try_wait().unwrap().is_some() {
                    return false;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        let is_listening = listening.await.expect("dnsmasq listens in time");
        is_listening.then_some(Self { process, addr })
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(addr: SocketAddr, records: &[String]) -> Child {
    let program = [
        "/usr/sbin/dnsmasq",
        "/usr/bin/dnsmasq",
        "/usr/local/sbin/dnsmasq",
    ]
    .into_iter()
    .find(|path| std::path::Path::new(path).exists())
    .expect("these tests need dnsmasq: install Debian's package dnsmasq-base");
    let has_ttl = records
        .iter()
        .any(|record| record.starts_with("--local-ttl"));
    let ttl = (!has_ttl).then_some("--local-ttl=60");
    Command::new(program)
        .args([
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--pid-file=",
        ])
        .args(["--no-resolv", "--no-hosts", "--no-daemon", "--user=root"])
        .args(["--bind-interfaces", "--listen-address=127.0.0.1"])
        .args(["--local=/test/"])
        .args(ttl)
        .arg(format!("--port={}", addr.port()))
        .args(records)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("dnsmasq starts")
}

/// A port that is free for UDP and TCP right now, outside of the ephemeral range.
fn free_port() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let base = u16::try_from(std::process::id() % 9000).unwrap_or(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 21_000 + (base + number) % 9000;
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if UdpSocket::bind(addr).is_ok() && TcpListener::bind(addr).is_ok() {
            return addr;
        }
    }
}
