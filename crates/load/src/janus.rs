//! Janus and its SIP plug-in, to compare with: accounts that register, and pages that call.
//!
//! Janus runs with a configuration of ours, its interfaces on loopback alone. It makes one
//! Sofia stack for each account; accounts are added one after the other, as pages do it.

mod page;

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::process::Usage;
use crate::script::{DOMAIN, FarEnd, HA1};

pub use page::JanusPage;

const START_LIMIT: Duration = Duration::from_secs(15);
const STEP_LIMIT: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(100);
const MAX_ANSWER: u64 = 256 * 1024;

/// What Janus needed.
#[derive(Debug)]
pub struct Found {
    /// Its version.
    pub version: String,
    /// Accounts that came up.
    pub up: u32,
    /// CPU time of its process for them.
    pub cpu: Duration,
    /// How long it took.
    pub took: Duration,
}

/// Starts Janus, registers the accounts one after the other, and stops it.
///
/// # Errors
/// When Janus cannot be used.
pub async fn register(
    program: &Path,
    far_end: &FarEnd,
    accounts: u32,
    rng: &mut StdRng,
) -> io::Result<Found> {
    let janus = Janus::start(program, rng).await?;
    let version = janus.ask("/janus/info", None).await?["version_string"]
        .as_str()
        .unwrap_or("?")
        .to_owned();
    janus.account("warm", far_end).await?;
    let before = Usage::of(janus.pid)?;
    let start = Instant::now();
    for number in 0..accounts {
        janus.account(&format!("janus{number}"), far_end).await?;
    }
    Ok(Found {
        version,
        up: accounts,
        cpu: Usage::of(janus.pid)?.cpu_since(&before),
        took: start.elapsed(),
    })
}

/// A running Janus. Dropping it kills the process.
#[derive(Debug)]
pub struct Janus {
    _child: Child,
    pid: u32,
    http: SocketAddr,
    ws: SocketAddr,
    media: IpAddr,
    directory: PathBuf,
}

impl Janus {
    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The URL of its WebSocket.
    #[must_use]
    pub fn ws(&self) -> String {
        format!("ws://{}", self.ws)
    }

    /// Where its media is: libnice leaves loopback out, so an address of this machine's own.
    #[must_use]
    pub fn media(&self) -> IpAddr {
        self.media
    }

    /// Starts it and waits until it serves.
    ///
    /// # Errors
    /// When it does not come to that.
    pub async fn start(program: &Path, rng: &mut StdRng) -> io::Result<Self> {
        let mut free = || {
            let port = rng.random_range(10_950..18_000);
            TcpListener::bind((Ipv4Addr::LOCALHOST, port))?.local_addr()
        };
        let (http, ws) = (free()?, free()?);
        let name = format!("sylk-load-janus-{}-{}", std::process::id(), http.port());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory)?;
        let media = own_address()?;
        let nat = format!("nat: {{ ice_enforce_list = \"{media}\"\nice_lite = true }}\n");
        let main = "general: { debug_level = 2\nsession_timeout = 0 }\n\
             plugins: { disable = \"libjanus_audiobridge.so,libjanus_echotest.so,libjanus_recordplay.so,\
             libjanus_streaming.so,libjanus_videocall.so,libjanus_videoroom.so,libjanus_voicemail.so,\
             libjanus_textroom.so,libjanus_nosip.so,libjanus_lua.so,libjanus_duktape.so\" }\n\
             transports: { disable = \"libjanus_pfunix.so,libjanus_rabbitmq.so,\
             libjanus_mqtt.so,libjanus_nanomsg.so\" }\n";
        fs::write(directory.join("janus.jcfg"), format!("{nat}{main}"))?;
        let transport = format!(
            "general: {{ http = true\nport = {}\nip = \"127.0.0.1\"\nhttps = false }}\n",
            http.port()
        );
        fs::write(directory.join("janus.transport.http.jcfg"), transport)?;
        let transport = format!(
            "general: {{ ws = true\nws_port = {}\nws_ip = \"127.0.0.1\"\nwss = false }}\n",
            ws.port()
        );
        fs::write(directory.join("janus.transport.websockets.jcfg"), transport)?;
        let sip = "general: { local_ip = \"127.0.0.1\"\nrtp_port_range = \"20000-30000\" }\n";
        fs::write(directory.join("janus.plugin.sip.jcfg"), sip)?;
        let child = Command::new(program)
            .arg("--configs-folder")
            .arg(&directory)
            .args(["--disable-colors", "--server-name=load"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let janus = Self {
            pid: child.id().ok_or(io::ErrorKind::NotFound)?,
            _child: child,
            http,
            ws,
            media,
            directory,
        };
        let deadline = Instant::now() + START_LIMIT;
        while janus.ask("/janus/info", None).await.is_err() {
            if Instant::now() >= deadline {
                return Err(io::Error::other("Janus does not serve"));
            }
            sleep(PAUSE).await;
        }
        Ok(janus)
    }

    /// A session, a handle of the plug-in, and a registration that has come up.
    async fn account(&self, user: &str, far_end: &FarEnd) -> io::Result<()> {
        let create = json!({"janus": "create", "transaction": "c"});
        let session = identifier(&self.ask("/janus", Some(create)).await?)?;
        let attach = json!({"janus": "attach", "plugin": "janus.plugin.sip", "transaction": "a"});
        let path = format!("/janus/{session}");
        let handle = identifier(&self.ask(&path, Some(attach)).await?)?;
        let proxy = far_end.address();
        let register = json!({"janus": "message", "transaction": "r", "body": {
            "request": "register",
            "username": format!("sip:{user}@{DOMAIN}"),
            "authuser": user,
            "ha1_secret": HA1,
            "proxy": format!("sip:{proxy}"),
            "outbound_proxy": format!("sip:{proxy}"),
        }});
        self.ask(&format!("{path}/{handle}"), Some(register))
            .await?;
        let deadline = Instant::now() + STEP_LIMIT;
        loop {
            let event = self.ask(&path, None).await?;
            match event["plugindata"]["data"]["result"]["event"].as_str() {
                Some("registered") => return Ok(()),
                Some("registration_failed") => return Err(io::Error::other(event.to_string())),
                Some(_) | None if Instant::now() >= deadline => {
                    return Err(io::Error::other("Janus does not register"));
                }
                Some(_) | None => {}
            }
        }
    }

    /// A GET, or a POST with a body; HTTP/1.0, so that the answer comes in one piece.
    async fn ask(&self, path: &str, body: Option<Value>) -> io::Result<Value> {
        let body = body.map(|body| body.to_string());
        let method = if body.is_some() { "POST" } else { "GET" };
        let body = body.unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.http,
            body.len()
        );
        let exchange = async {
            let mut stream = TcpStream::connect(self.http).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.take(MAX_ANSWER).read_to_string(&mut answer).await?;
            io::Result::Ok(answer)
        };
        let answer = timeout(STEP_LIMIT, exchange)
            .await
            .map_err(io::Error::other)??;
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
        let body = body.and_then(|body| serde_json::from_str(body).ok());
        body.ok_or_else(|| io::Error::other(format!("not understood: {answer}")))
    }
}

impl Drop for Janus {
    fn drop(&mut self) {
        // A left-over directory in the temporary one harms nobody.
        let _left = fs::remove_dir_all(&self.directory);
    }
}

/// The address this machine would use towards others; nothing is sent.
fn own_address() -> io::Result<IpAddr> {
    // Of TEST-NET-1 (RFC 5737): a destination that nobody has.
    let elsewhere = SocketAddr::from(([192, 0, 2, 99], 9));
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    match socket.connect(elsewhere) {
        Ok(()) => Ok(socket.local_addr()?.ip()),
        Err(_) => Ok(Ipv4Addr::LOCALHOST.into()),
    }
}

fn identifier(answer: &Value) -> io::Result<u64> {
    let identifier = answer["data"]["id"].as_u64();
    identifier.ok_or_else(|| io::Error::other(format!("no id in {answer}")))
}
