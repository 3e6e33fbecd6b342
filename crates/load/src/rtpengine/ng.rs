//! One call through rtpengine: offer, answer and delete, with the far end's echo behind it.
//!
//! rtpengine has no SIP of its own, so what a proxy and a phone would do is done here.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use media::sdp::PhoneDescription;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::bencode::{Dictionary, string_of};
use crate::far_end::{EchoId, FarEnd};
use crate::round::Carried;
use crate::signalling::{Call, SignallingError};

/// Between repeats of a command; rtpengine answers a repeat as it did before.
const REPEAT: Duration = Duration::from_millis(500);
const REPEATS: usize = 10;
const DATAGRAM: usize = 65_536;

/// One call.
pub struct NgCall {
    socket: UdpSocket,
    id: String,
    carried: Carried,
    far_end: Arc<FarEnd>,
    echo: Option<EchoId>,
    commands: u32,
}

impl NgCall {
    /// Opens a socket; rtpengine hears nothing yet.
    ///
    /// # Errors
    /// When there is no socket to be had.
    pub async fn open(
        ng: SocketAddr,
        id: String,
        carried: Carried,
        far_end: Arc<FarEnd>,
    ) -> Result<Self, SignallingError> {
        let socket = connect(ng).await.map_err(misunderstood)?;
        Ok(Self {
            socket,
            id,
            carried,
            far_end,
            echo: None,
            commands: 0,
        })
    }

    /// Takes the offer to the far end and the far end's answer back.
    ///
    /// # Errors
    /// When rtpengine does not answer, or not well.
    pub async fn call(&mut self, call: &Call<'_>) -> Result<String, SignallingError> {
        let offer = format!(
            "{}a={}\r\na=end-of-candidates\r\n",
            call.offer, call.candidate
        );
        let codecs: &[&str] = match self.carried {
            Carried::Relayed | Carried::Video => &[],
            // The phone is to see nothing of what the page speaks.
            Carried::Transcoded => &["codec-mask-all", "codec-transcode-PCMU"],
        };
        let command = Dictionary::new("offer")
            .with("call-id", &self.id)
            .with("from-tag", "page")
            .with("ICE", "remove")
            .with("transport-protocol", "RTP/AVP")
            .with_list("rtcp-mux", &["demux"])
            .with_list("replace", &["origin"])
            .with_list("flags", codecs)
            .with("sdp", &offer)
            .end();
        let answer = self.ask(&command).await?;
        let to_phone = sdp(&answer)?;
        let (echo, rtp) = self.far_end.open_echo().map_err(misunderstood)?;
        self.echo = Some(echo);
        let description = PhoneDescription::parse(to_phone.as_bytes()).map_err(misunderstood)?;
        let from_phone = self.far_end.answer_to(&description, rtp);
        let from_phone =
            from_phone.ok_or_else(|| SignallingError::Refused("no common codec".to_owned()))?;
        let command = Dictionary::new("answer")
            .with("call-id", &self.id)
            .with("from-tag", "page")
            .with("to-tag", "phone")
            .with("ICE", "force")
            .with("transport-protocol", "UDP/TLS/RTP/SAVPF")
            .with("sdp", &from_phone)
            .end();
        let answer = self.ask(&command).await?;
        sdp(&answer)
    }

    /// Ends the call.
    ///
    /// # Errors
    /// When rtpengine does not follow.
    pub async fn hang_up(mut self) -> Result<(), SignallingError> {
        let command = Dictionary::new("delete")
            .with("call-id", &self.id)
            .with("from-tag", "page")
            .end();
        let outcome = self.ask(&command).await;
        if let Some(echo) = self.echo.take() {
            self.far_end.close_echo(echo).map_err(misunderstood)?;
        }
        outcome.map(drop)
    }

    async fn ask(&mut self, command: &str) -> Result<String, SignallingError> {
        self.commands += 1;
        let cookie = format!("{}-{}", self.id, self.commands);
        let request = format!("{cookie} {command}");
        for _ in 0..REPEATS {
            self.socket
                .send(request.as_bytes())
                .await
                .map_err(misunderstood)?;
            if let Ok(answer) = timeout(REPEAT, receive(&self.socket, &cookie)).await {
                return answer.map_err(misunderstood);
            }
        }
        Err(SignallingError::Timeout)
    }
}

impl fmt::Debug for NgCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NgCall")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Whether somebody answers a ping there.
pub(super) async fn answers(ng: SocketAddr) -> io::Result<bool> {
    let socket = connect(ng).await?;
    let ping = format!("1 {}", Dictionary::new("ping").end());
    // Refused until the other process has its socket.
    if socket.send(ping.as_bytes()).await.is_err() {
        return Ok(false);
    }
    let answer = timeout(REPEAT, receive(&socket, "1")).await;
    Ok(matches!(answer, Ok(Ok(text)) if string_of(&text, "result") == Some("pong")))
}

async fn connect(ng: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    socket.connect(ng).await?;
    Ok(socket)
}

/// The answer with this cookie, without it.
async fn receive(socket: &UdpSocket, cookie: &str) -> io::Result<String> {
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let text = String::from_utf8_lossy(&buffer[..length]);
        if let Some((found, answer)) = text.split_once(' ')
            && found == cookie
        {
            return Ok(answer.to_owned());
        }
    }
}

fn sdp(answer: &str) -> Result<String, SignallingError> {
    match (string_of(answer, "result"), string_of(answer, "sdp")) {
        (Some("ok"), Some(sdp)) => Ok(sdp.to_owned()),
        _ => Err(SignallingError::Refused(answer.to_owned())),
    }
}

fn misunderstood(error: impl fmt::Display) -> SignallingError {
    SignallingError::Misunderstood(error.to_string())
}
