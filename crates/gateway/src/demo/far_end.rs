//! The demo's far ends: SIP phones of their own that answer, speak, and call back.
//!
//! They are accounts of a second user agent, registered at the demo's registrar like any
//! phone, and reached by real SIP and RTP on loopback.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use media::codec::AudioCodec;
use media::sdp::{Direction, MediaAddress, PhoneDescription};
use sip_stack::account::{AccountId, SessionId};
use sip_stack::command::Command;
use sip_stack::driver::{EventReceiver, Handle};
use sip_stack::event::{Event, SessionEvent};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::audio::{Line, Voice};

/// Calls the far ends take at once; more are busy.
const MAX_CALLS: usize = 64;
/// How long "call me back" speaks before it hangs up and calls.
const GREETING: Duration = Duration::from_millis(1500);
/// How long it waits before it calls.
const PAUSE: Duration = Duration::from_secs(2);
/// Payload type of Opus in offers of ours.
const OPUS_PT: u8 = 111;

/// What a far end does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Answers and repeats what it hears.
    Echo,
    /// Answers and plays a tone.
    Tone,
    /// Answers, chimes, hangs up and calls the caller.
    CallBack,
    /// Is always busy.
    Busy,
}

/// The far ends of the demo and their calls.
pub(super) struct FarEnds {
    handle: Handle,
    ip: IpAddr,
    roles: HashMap<AccountId, Role>,
    calls: HashMap<SessionId, Call>,
    agenda: Vec<(Instant, Task)>,
    dialled: u64,
    voices: JoinSet<()>,
}

struct Call {
    account: AccountId,
    caller: Option<String>,
    line: Option<Line>,
    voice: Option<AbortHandle>,
    described: Option<Described>,
}

/// What a call was told of our end.
struct Described {
    addr: SocketAddr,
    codec: AudioCodec,
    pt: u8,
    event: Option<u8>,
    version: u32,
}

impl Described {
    /// Our end of a call whose far end has chosen so.
    fn new(addr: SocketAddr, chosen: &Chosen) -> Self {
        Self {
            addr,
            codec: chosen.codec,
            pt: chosen.pt,
            event: chosen.event,
            version: 1,
        }
    }

    /// The answer to a change: hold and resume, in the codec of the call. The voice goes on all
    /// the while; a gateway that holds the call passes nothing on.
    fn answer(&mut self, offer: &[u8]) -> Option<Bytes> {
        let theirs = PhoneDescription::parse(offer).ok()?;
        theirs.formats.codec(self.codec)?;
        self.version += 1;
        let direction = theirs.direction.reversed();
        let codecs = [(self.codec, self.pt)];
        Some(description(
            self.addr,
            &codecs,
            self.event,
            (self.version, direction),
        ))
    }
}

enum Task {
    HangUp(SessionId),
    CallBack(AccountId, String),
}

impl FarEnds {
    /// Far ends that speak through `handle` and receive media on `ip`.
    pub(super) fn new(handle: Handle, ip: IpAddr, roles: HashMap<AccountId, Role>) -> Self {
        Self {
            handle,
            ip,
            roles,
            calls: HashMap::new(),
            agenda: Vec::new(),
            dialled: 0,
            voices: JoinSet::new(),
        }
    }

    /// Serves calls until the user agent is gone.
    pub(super) async fn run(mut self, mut events: EventReceiver) {
        loop {
            let due = self.agenda.iter().map(|(due, _)| *due).min();
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.handle_event(event).await,
                    None => break,
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.handle_timeout().await,
                Some(_) = self.voices.join_next() => {}
            }
        }
        self.voices.shutdown().await;
    }

    async fn handle_event(&mut self, event: Event) {
        match event {
            Event::Registration { account, state } => {
                tracing::debug!(?account, ?state, "demo far end");
            }
            Event::Message { .. } | Event::MessageResult { .. } => {}
            Event::Incoming {
                account,
                session,
                from,
                sdp,
                ..
            } => self.handle_call(account, session, from.uri, sdp).await,
            Event::Session { session, event } => self.handle_session(session, event).await,
        }
    }

    async fn handle_call(
        &mut self,
        account: AccountId,
        session: SessionId,
        caller: String,
        offer: Option<Bytes>,
    ) {
        let refuse = |code| Command::Reject {
            session,
            code,
            reason: None,
        };
        let voice = match self.roles.get(&account) {
            Some(Role::Echo) => Voice::Echo,
            Some(Role::Tone) => Voice::Tone,
            Some(Role::CallBack) => Voice::Chime,
            Some(Role::Busy) | None => return self.send(refuse(486)).await,
        };
        if self.calls.len() >= MAX_CALLS {
            return self.send(refuse(486)).await;
        }
        let Some(chosen) = offer.and_then(|offer| choose(&offer, voice)) else {
            return self.send(refuse(488)).await;
        };
        let Ok(line) = Line::open(self.ip).await else {
            return self.send(refuse(503)).await;
        };
        let codecs = [(chosen.codec, chosen.pt)];
        let described = Some(Described::new(line.addr(), &chosen));
        let sdp = description(line.addr(), &codecs, chosen.event, FIRST);
        let headers = Vec::new();
        self.send(Command::Provisional {
            session,
            code: 180,
            sdp: None,
        })
        .await;
        self.send(Command::Accept {
            session,
            sdp,
            headers,
        })
        .await;
        let speaking = line.speak(voice, chosen.codec, chosen.pt, chosen.remote);
        let call = Call {
            account,
            caller: Some(caller),
            line: None,
            voice: Some(self.voices.spawn(speaking)),
            described,
        };
        self.calls.insert(session, call);
        if voice == Voice::Chime {
            self.agenda
                .push((Instant::now() + GREETING, Task::HangUp(session)));
        }
    }

    async fn handle_session(&mut self, session: SessionId, event: SessionEvent) {
        match event {
            SessionEvent::Accepted { sdp, .. } => self.speak(session, sdp).await,
            SessionEvent::Reinvite { sdp } => {
                let call = self.calls.get_mut(&session);
                let described = call.and_then(|call| call.described.as_mut());
                let answer = described
                    .zip(sdp)
                    .and_then(|(ours, offer)| ours.answer(&offer));
                // what they cannot do leaves the call as it was
                let answer = answer.ok_or(488);
                self.send(Command::AnswerReinvite { session, answer }).await;
            }
            SessionEvent::Ended { .. } => self.forget(session),
            SessionEvent::Sent { .. }
            | SessionEvent::Provisional { .. }
            | SessionEvent::Confirmed { .. }
            | SessionEvent::Offered { .. }
            | SessionEvent::Reinvited { .. }
            | SessionEvent::Refreshed { .. }
            | SessionEvent::ReinviteFailed { .. }
            | SessionEvent::ReinviteWithdrawn
            | SessionEvent::Info { .. }
            | SessionEvent::ReferProgress(_)
            | SessionEvent::InfoResult { .. }
            | SessionEvent::Message { .. }
            | SessionEvent::MessageResult { .. } => {}
            SessionEvent::Refer(_) => {
                let answer = Err(603);
                self.send(Command::AnswerRefer { session, answer }).await;
            }
        }
    }

    /// Our call was answered: chime.
    async fn speak(&mut self, session: SessionId, answer: Option<Bytes>) {
        let Some(call) = self.calls.get_mut(&session) else {
            return;
        };
        let (Some(line), Some(chosen)) = (
            call.line.take(),
            answer.and_then(|answer| choose(&answer, Voice::Chime)),
        ) else {
            let reason = None;
            return self.send(Command::HangUp { session, reason }).await;
        };
        call.described = Some(Described::new(line.addr(), &chosen));
        let speaking = line.speak(Voice::Chime, chosen.codec, chosen.pt, chosen.remote);
        call.voice = Some(self.voices.spawn(speaking));
    }

    fn forget(&mut self, session: SessionId) {
        let Some(call) = self.calls.remove(&session) else {
            return;
        };
        if let Some(voice) = call.voice {
            voice.abort();
        }
        let calls_back = self.roles.get(&call.account) == Some(&Role::CallBack);
        if let Some(caller) = call.caller.filter(|_| calls_back) {
            let task = Task::CallBack(call.account, caller);
            self.agenda.push((Instant::now() + PAUSE, task));
        }
    }

    async fn handle_timeout(&mut self) {
        let now = Instant::now();
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.agenda)
            .into_iter()
            .partition(|(at, _)| *at <= now);
        self.agenda = later;
        for (_, task) in due {
            match task {
                Task::HangUp(session) => {
                    let reason = None;
                    self.send(Command::HangUp { session, reason }).await;
                }
                Task::CallBack(account, target) => self.call_back(account, target).await,
            }
        }
    }

    async fn call_back(&mut self, account: AccountId, target: String) {
        let Ok(line) = Line::open(self.ip).await else {
            return;
        };
        self.dialled += 1;
        let session = SessionId::outgoing(self.dialled);
        let sdp = description(
            line.addr(),
            &[(AudioCodec::Pcmu, 0), (AudioCodec::Pcma, 8)],
            Some(101),
            FIRST,
        );
        let call = Call {
            account,
            caller: None,
            line: Some(line),
            voice: None,
            described: None,
        };
        self.calls.insert(session, call);
        self.send(Command::Invite {
            account,
            session,
            target,
            sdp: Some(sdp),
            headers: Vec::new(),
        })
        .await;
    }

    async fn send(&self, command: Command) {
        if self.handle.command(command).await.is_err() {
            tracing::debug!("the demo's far ends are shutting down");
        }
    }
}

struct Chosen {
    codec: AudioCodec,
    pt: u8,
    event: Option<u8>,
    remote: SocketAddr,
}

/// The first codec of a description that the voice can be said in, and where to say it.
fn choose(sdp: &[u8], voice: Voice) -> Option<Chosen> {
    let theirs = PhoneDescription::parse(sdp).ok()?;
    let MediaAddress::At(remote) = theirs.address else {
        return None;
    };
    let (codec, format) = theirs
        .formats
        .codecs()
        .find(|(codec, _)| voice.codecs().contains(codec))?;
    let event = theirs.formats.event(codec.clock_rate());
    Some(Chosen {
        codec,
        pt: format.pt.number(),
        event: event.map(|event| event.pt.number()),
        remote,
    })
}

/// The version and direction of a call's first description.
const FIRST: (u32, Direction) = (1, Direction::SendRecv);

/// An audio description at `addr` (RFC 8866).
fn description(
    addr: SocketAddr,
    codecs: &[(AudioCodec, u8)],
    event: Option<u8>,
    (version, direction): (u32, Direction),
) -> Bytes {
    let family = if addr.is_ipv4() { "IP4" } else { "IP6" };
    let (ip, port) = (addr.ip(), addr.port());
    let clock = codecs.first().map_or(8000, |(codec, _)| codec.clock_rate());
    let mut formats: Vec<String> = Vec::new();
    let mut lines = String::new();
    for (codec, pt) in codecs {
        formats.push(pt.to_string());
        let channels = codec
            .channels()
            .map(|n| format!("/{n}"))
            .unwrap_or_default();
        let rate = codec.clock_rate();
        lines += &format!("a=rtpmap:{pt} {}/{rate}{channels}\r\n", codec.name());
        if *pt == OPUS_PT {
            lines += &format!("a=fmtp:{pt} useinbandfec=1\r\n");
        }
    }
    if let Some(pt) = event {
        formats.push(pt.to_string());
        lines += &format!("a=rtpmap:{pt} telephone-event/{clock}\r\na=fmtp:{pt} 0-15\r\n");
    }
    Bytes::from(format!(
        "v=0\r\no=demo 1 {version} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP {}\r\n{lines}a=ptime:20\r\na={direction}\r\n",
        formats.join(" ")
    ))
}
