//! A program that calls with sip-stack's user agent and driver and nothing else: what a call
//! costs without pages, calls and media. It is a process of its own, so that its CPU time is
//! that of the stack.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use sip_stack::account::{AccountConfig, AccountId, Ha1, SessionId};
use sip_stack::command::Command;
use sip_stack::driver::{self, DriverConfig, Handle, Listen};
use sip_stack::event::{Event, SessionEvent};
use sip_stack::message::Uri;
use sip_stack::transport::Transport;
use sip_stack::user_agent::UserAgentConfig;

use crate::process::Usage;
use crate::script::{DOMAIN, HA1};

const ACCOUNT: AccountId = AccountId::new(1);
/// A phone's offer.
const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 40002 RTP/AVP 96 0 8 101\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n\
    a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";

/// Makes `calls` calls to the far end, `window` at a time, and says what CPU time this process
/// used for them.
///
/// # Errors
/// When a call does not end well, or the driver does not start.
pub async fn run(far_end: SocketAddr, calls: u32, window: u32) -> io::Result<Duration> {
    let config = DriverConfig {
        listen: vec![Listen::new(Transport::Udp, (Ipv4Addr::LOCALHOST, 0).into())],
        ..DriverConfig::default()
    };
    let user_agent = UserAgentConfig {
        sessions_per_account: calls as usize,
        ..UserAgentConfig::default()
    };
    let (handle, mut events, running) = driver::start(config, user_agent)?;
    ask(&handle, account(far_end)?).await?;
    let before = Usage::of(std::process::id())?;
    let (mut next, mut ended) = (0, 0);
    while next < window.min(calls) {
        invite(&handle, next).await?;
        next += 1;
    }
    while ended < calls {
        let event = events.recv().await.ok_or(io::ErrorKind::BrokenPipe)?;
        let Event::Session { session, event } = event else {
            continue;
        };
        if let SessionEvent::Accepted { .. } = event {
            let reason = None;
            ask(&handle, Command::HangUp { session, reason }).await?;
        } else if let SessionEvent::Ended { reason, .. } = event {
            if reason.code >= 300 {
                return Err(io::Error::other(format!("a call has ended: {reason}")));
            }
            ended += 1;
            if next < calls {
                invite(&handle, next).await?;
                next += 1;
            }
        }
    }
    // The calls are over for us; their BYEs still have to be answered.
    ask(&handle, Command::Shutdown).await?;
    while events.recv().await.is_some() {}
    running.ended().await?;
    Ok(Usage::of(std::process::id())?.cpu_since(&before))
}

fn account(far_end: SocketAddr) -> io::Result<Command> {
    let ha1 = Ha1::from_hex(HA1).ok_or(io::ErrorKind::InvalidData)?;
    let aor = format!("caller@{DOMAIN}");
    let instance = "00000000-0000-4000-8000-000000000001";
    let mut config = AccountConfig::new(aor, ha1, instance);
    let proxy = Uri::parse(&format!("sip:{far_end};lr")).map_err(io::Error::other)?;
    config.outbound_proxy = Some(proxy);
    let account = ACCOUNT;
    Ok(Command::AddAccount { account, config })
}

async fn invite(handle: &Handle, number: u32) -> io::Result<()> {
    let invite = Command::Invite {
        account: ACCOUNT,
        session: SessionId::outgoing(number.into()),
        target: format!("x{number}@{DOMAIN}"),
        sdp: Some(Bytes::from_static(OFFER.as_bytes())),
        headers: Vec::new(),
    };
    ask(handle, invite).await
}

async fn ask(handle: &Handle, command: Command) -> io::Result<()> {
    handle.command(command).await.map_err(io::Error::other)
}
