//! A call without a network: inputs by name, actions as one line each, time as a number.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use media::plan::{Policy, Route};
use media::sdp::AddressPolicy;
use media::{
    BrowserLocal, Fingerprint, IceSeed, LegEvent, LegFailure, PhoneLocal, SrtpLocal, SrtpPolicy,
    Ssrc,
};
use sip_stack::account::{AccountId, SessionId};
use sip_stack::command::Command;
use sip_stack::event::{EndedBy, Originator, SessionEvent, StatusReason};
use sip_stack::refer::ReferTarget;

use crate::account::{AccountLimits, Permissions};
use crate::call::{
    Accepted, Action, Call, CallCommand, CallEvent, ClientMessage, Encryption, Incoming, Input,
    Locals, MediaAction, Outgoing, PhoneLegId, Refused, TransferChange, UpdateChange,
};

/// What Chromium offers, cut down to what matters.
pub(super) const BROWSER_OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
    a=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 0 8 126\r\nc=IN IP4 0.0.0.0\r\n\
    a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n\
    a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n\
    a=setup:actpass\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n\
    a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:126 telephone-event/8000\r\n";

/// The same as an answer to an offer of PCMU.
pub(super) const BROWSER_ANSWER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
    a=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\n\
    a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n\
    a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n\
    a=setup:active\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:0 PCMU/8000\r\n";

/// A phone that speaks PCMU.
pub(super) const PHONE: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\n\
    t=0 0\r\nm=audio 6000 RTP/AVP 0\r\na=sendrecv\r\n";

/// A phone that speaks nothing of ours.
pub(super) const STRANGE_PHONE: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\n\
    c=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 6000 RTP/AVP 97\r\na=rtpmap:97 iLBC/8000\r\n";

/// A call under test.
pub(super) struct Scenario {
    pub(super) call: Call,
    now: Instant,
}

impl Scenario {
    /// The client calls bob; the INVITE has been taken out.
    pub(super) fn outgoing() -> Self {
        let mut scenario =
            Self::start(Call::outgoing(outgoing(BROWSER_OFFER), locals()).expect("usable"));
        assert_eq!(scenario.actions(), ["sip: INVITE bob@sylk.test"]);
        scenario
    }

    /// The same, with the INVITE on the wire.
    pub(super) fn calling() -> Self {
        let mut scenario = Self::outgoing();
        scenario.sent();
        assert_eq!(scenario.actions(), ["client: progress"]);
        scenario
    }

    /// The client calls bob with this offer, from these ends.
    pub(super) fn calling_with(sdp: &str, locals: Locals) -> Self {
        let mut scenario = Self::start(Call::outgoing(outgoing(sdp), locals).expect("usable"));
        scenario.sent();
        scenario.actions();
        scenario
    }

    /// The same, answered, with media up.
    pub(super) fn established() -> Self {
        let mut scenario = Self::calling();
        scenario.accepted(Some(PHONE));
        scenario.browser(LegEvent::Connected);
        scenario.actions();
        scenario
    }

    /// The same, under rules.
    pub(super) fn established_under(limits: AccountLimits) -> Self {
        let mut scenario = Self::outgoing();
        let permissions = Permissions::new(Arc::new(limits), "sylk.test");
        scenario.call = scenario.call.under(permissions);
        scenario.sent();
        scenario.accepted(Some(PHONE));
        scenario.browser(LegEvent::Connected);
        scenario.actions();
        scenario
    }

    /// bob calls the client, which has been told.
    pub(super) fn incoming() -> Self {
        Self::incoming_with(Some(PHONE))
    }

    pub(super) fn incoming_with(sdp: Option<&'static str>) -> Self {
        let mut scenario = Self::incoming_silently(sdp, false);
        assert_eq!(scenario.actions(), ["sip: 180"]);
        scenario
    }

    /// The same, and the client is to say itself when it rings.
    pub(super) fn incoming_unrung() -> Self {
        let mut scenario = Self::incoming_silently(Some(PHONE), true);
        assert_eq!(scenario.actions(), [""; 0]);
        scenario
    }

    fn incoming_silently(sdp: Option<&'static str>, explicit_ringing: bool) -> Self {
        let incoming = Incoming {
            session: SessionId::outgoing(1),
            account: AccountId::new(1),
            originator: bob(),
            sdp: sdp.map(|sdp| Bytes::from_static(sdp.as_bytes())),
            decline_code: 486,
            explicit_ringing,
            knows_info: true,
        };
        let (call, offer) = Call::incoming(incoming, locals()).expect("usable");
        assert!(offer.contains("a=sendrecv"), "{offer}");
        Self::start(call)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "any instant serves as the origin"
    )]
    fn start(call: Call) -> Self {
        let now = Instant::now();
        Self { call, now }
    }

    pub(super) fn sip(&mut self, event: SessionEvent) {
        self.call
            .handle(Input::Sip(SessionId::outgoing(1), event), self.now);
    }

    pub(super) fn sent(&mut self) {
        let call_id = "call-id".to_owned();
        self.sip(SessionEvent::Sent { call_id });
    }

    pub(super) fn provisional(&mut self, code: u16, sdp: Option<&'static str>) {
        self.sip(SessionEvent::Provisional {
            code,
            phrase: String::new(),
            sdp: sdp.map(|sdp| Bytes::from_static(sdp.as_bytes())),
            dialog: 0,
        });
    }

    pub(super) fn accepted(&mut self, sdp: Option<&'static str>) {
        self.sip(SessionEvent::Accepted {
            sdp: sdp.map(|sdp| Bytes::from_static(sdp.as_bytes())),
            call_id: "call-id".to_owned(),
            headers: vec![("Allow".to_owned(), "INVITE, ACK, BYE, INFO".to_owned())],
            dialog: 0,
        });
    }

    pub(super) fn ended(&mut self, code: u16, phrase: &str, by: EndedBy) {
        self.ended_elsewhere(code, phrase, by, false);
    }

    pub(super) fn ended_elsewhere(
        &mut self,
        code: u16,
        phrase: &str,
        by: EndedBy,
        answered_elsewhere: bool,
    ) {
        self.sip(SessionEvent::Ended {
            reason: StatusReason::new(code, phrase),
            by,
            answered_elsewhere,
        });
    }

    /// Something happens in the session of another phone.
    pub(super) fn other(&mut self, session: SessionId, event: SessionEvent) {
        self.call.handle(Input::Sip(session, event), self.now);
    }

    /// The leg towards another phone is open.
    pub(super) fn opened(&mut self, session: SessionId) {
        let input = Input::CandidateOpened {
            session,
            leg: PhoneLegId::FIRST.next(),
            local: Box::new(PhoneLocal {
                rtp: SocketAddr::from(([192, 0, 2, 1], 20002)),
                rtcp: SocketAddr::from(([192, 0, 2, 1], 20003)),
                ssrc: Ssrc(3),
                cname: "cname".to_owned(),
                session_id: 3,
                srtp: SrtpLocal::new(SrtpPolicy::Off, [9; 32]),
                video: None,
            }),
        };
        self.call.handle(input, self.now);
    }

    pub(super) fn command(&mut self, command: CallCommand) -> Result<(), Refused> {
        self.call.handle_command(command, self.now)
    }

    pub(super) fn browser(&mut self, event: LegEvent) {
        self.call.handle(Input::Browser(event), self.now);
    }

    pub(super) fn phone(&mut self, event: LegEvent) {
        self.call
            .handle(Input::Phone(PhoneLegId::FIRST, event), self.now);
    }

    pub(super) fn fails(&mut self, failure: LegFailure) {
        self.browser(LegEvent::Failed(failure));
    }

    pub(super) fn input(&mut self, input: Input) {
        self.call.handle(input, self.now);
    }

    pub(super) fn answer(&mut self, sdp: &str) -> Result<(), Refused> {
        let command = CallCommand::Answer {
            sdp: sdp.to_owned(),
            headers: Vec::new(),
        };
        self.call.handle_command(command, self.now)
    }

    pub(super) fn terminate(&mut self) -> Result<(), Refused> {
        self.call.handle_command(CallCommand::Terminate, self.now)
    }

    pub(super) fn reject(
        &mut self,
        code: Option<u16>,
        phrase: Option<&str>,
    ) -> Result<(), Refused> {
        let phrase = phrase.map(str::to_owned);
        let command = CallCommand::Reject { code, phrase };
        self.call.handle_command(command, self.now)
    }

    pub(super) fn write(&mut self, id: &str) -> Result<(), Refused> {
        let message = ClientMessage {
            id: id.to_owned(),
            content: "hello".to_owned(),
            content_type: "text/plain".to_owned(),
            timestamp: "now".to_owned(),
        };
        let command = CallCommand::SendMessage(message);
        self.call.handle_command(command, self.now)
    }

    pub(super) fn ring(&mut self) -> Result<(), Refused> {
        self.call.handle_command(CallCommand::Ring, self.now)
    }

    pub(super) fn update(&mut self, sdp: &str) -> Result<(), Refused> {
        let sdp = sdp.to_owned();
        self.call
            .handle_command(CallCommand::Update { sdp }, self.now)
    }

    pub(super) fn hold(&mut self, hold: bool) -> Result<(), Refused> {
        self.call.handle_command(CallCommand::Hold(hold), self.now)
    }

    pub(super) fn reinvite(&mut self, sdp: Option<&str>) {
        let sdp = sdp.map(|sdp| Bytes::copy_from_slice(sdp.as_bytes()));
        self.sip(SessionEvent::Reinvite { sdp });
    }

    pub(super) fn reinvited(&mut self, sdp: &str) {
        let sdp = Some(Bytes::copy_from_slice(sdp.as_bytes()));
        self.sip(SessionEvent::Reinvited { sdp });
    }

    pub(super) fn reinvite_refused(&mut self, code: u16, phrase: &str) {
        let phrase = phrase.to_owned();
        self.sip(SessionEvent::ReinviteFailed { code, phrase });
    }

    pub(super) fn tones(&mut self, tones: &str, duration: Option<Duration>) -> Result<(), Refused> {
        let tones = tones.to_owned();
        let command = CallCommand::SendTones { tones, duration };
        self.call.handle_command(command, self.now)
    }

    /// Lets time pass and deadlines fire.
    pub(super) fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(deadline) = self.call.poll_timeout().filter(|deadline| *deadline <= end) {
            self.now = deadline;
            self.call.handle_timeout(self.now);
        }
        self.now = end;
    }

    /// Everything the call wants done, one line each.
    pub(super) fn actions(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.call.poll_action())
            .map(|action| told(&action))
            .collect()
    }
}

pub(super) fn outgoing(sdp: &str) -> Outgoing {
    Outgoing {
        session: SessionId::outgoing(1),
        account: AccountId::new(1),
        target: "bob@sylk.test".to_owned(),
        sdp: sdp.to_owned(),
        headers: Vec::new(),
    }
}

pub(super) fn locals() -> Locals {
    let at = |port| SocketAddr::from(([192, 0, 2, 1], port));
    Locals {
        browser: BrowserLocal {
            ufrag: "gate".to_owned(),
            pwd: "gatewaygatewaygatewaygate".to_owned(),
            fingerprint: Fingerprint::of(b"certificate"),
            addrs: vec![at(10900)],
            tcp: Vec::new(),
            ssrc: Ssrc(1),
            cname: "cname".to_owned(),
            msid: "msid".to_owned(),
            session_id: 1,
        },
        ice: IceSeed::new([1; 32]),
        encryption: Encryption::default(),
        phone: PhoneLocal {
            rtp: at(20000),
            rtcp: at(20001),
            ssrc: Ssrc(2),
            cname: "cname".to_owned(),
            session_id: 2,
            srtp: SrtpLocal::new(SrtpPolicy::Off, [9; 32]),
            video: None,
        },
        policy: Arc::new(Policy {
            route: Route::default(),
            addresses: AddressPolicy::default(),
        }),
    }
}

fn bob() -> Originator {
    Originator {
        uri: "bob@sylk.test".to_owned(),
        display_name: Some("Bob".to_owned()),
    }
}

fn told(action: &Action) -> String {
    match action {
        Action::Sip(command) => format!("sip: {}", told_sip(command)),
        Action::Media(MediaAction::Connect { browser, phone, .. }) => {
            let browser = browser.as_ref().map_or("", |_| " browser");
            let phone = phone.as_ref().map_or("", |_| " phone");
            format!("media: connect{browser}{phone}")
        }
        Action::Media(MediaAction::ExpectBrowser(_)) => "media: expect browser".to_owned(),
        Action::Media(MediaAction::NeedKeyframe) => "media: keyframe".to_owned(),
        Action::Media(MediaAction::RestartIce(_)) => "media: restart ICE".to_owned(),
        Action::OpenCandidate(_) => "open leg".to_owned(),
        Action::Media(MediaAction::Swap { browser, relay, .. }) => {
            let browser = browser.as_ref().map_or("", |_| " browser");
            let silent = if relay.to_phone.open { "" } else { " silent" };
            format!("media: swap{browser}{silent}")
        }
        Action::Media(MediaAction::SendKey(dtmf)) => format!("media: send {}", dtmf.digit),
        Action::Media(MediaAction::TellKey(dtmf)) => format!("media: told {}", dtmf.digit),
        Action::Media(MediaAction::DropCandidate) => "media: drop leg".to_owned(),
        Action::Media(MediaAction::Close) => "media: close".to_owned(),
        Action::Notify(event) => format!("client: {}", told_client(event)),
    }
}

fn told_sip(command: &Command) -> String {
    match command {
        Command::Invite { target, .. } => format!("INVITE {target}"),
        Command::Provisional { code, .. } => code.to_string(),
        Command::Accept { .. } => "200".to_owned(),
        Command::Reject { code, reason, .. } => match reason {
            Some(phrase) => format!("reject {code} {phrase}"),
            None => format!("reject {code}"),
        },
        Command::HangUp { reason, .. } => match reason {
            Some(reason) => format!("hang up, {}", reason.text.as_deref().unwrap_or_default()),
            None => "hang up".to_owned(),
        },
        Command::Reinvite { .. } => "re-INVITE".to_owned(),
        Command::AnswerReinvite { answer, .. } => match answer {
            Ok(_) => "answer re-INVITE".to_owned(),
            Err(code) => format!("refuse re-INVITE {code}"),
        },
        Command::AnswerOffer { answer, dialog, .. } => match answer {
            Ok(_) => format!("answer offer of {dialog}"),
            Err(code) => format!("refuse offer of {dialog} {code}"),
        },
        Command::Info { body, .. } => {
            let body = String::from_utf8_lossy(body).replace("\r\n", " ");
            format!("INFO {}", body.trim())
        }
        Command::Refer { target, .. } => match target {
            ReferTarget::Address(target) => format!("REFER {target}"),
            ReferTarget::Session(other) => format!("REFER {other}"),
        },
        Command::AnswerRefer { answer, .. } => match answer {
            Ok(()) => "202".to_owned(),
            Err(code) => format!("refuse REFER {code}"),
        },
        Command::NotifyRefer { status, .. } => format!("NOTIFY {status}"),
        Command::InviteReferred { referral, .. } => format!("INVITE {}", referral.target),
        Command::SessionMessage { body, .. } => {
            format!("MESSAGE {}", String::from_utf8_lossy(body))
        }
        Command::Message { .. }
        | Command::AddAccount { .. }
        | Command::RemoveAccount { .. }
        | Command::Register { .. }
        | Command::Unregister { .. }
        | Command::Shutdown => "not for calls".to_owned(),
    }
}

fn told_client(event: &CallEvent) -> String {
    match event {
        CallEvent::Progress => "progress".to_owned(),
        CallEvent::Proceeding { code } => format!("proceeding {code}"),
        CallEvent::Ringing => "ringing".to_owned(),
        CallEvent::EarlyMedia { .. } => "early-media".to_owned(),
        CallEvent::Accepted(Accepted { sdp: Some(_), .. }) => "accepted with sdp".to_owned(),
        CallEvent::Accepted(Accepted { sdp: None, .. }) => "accepted".to_owned(),
        CallEvent::Established => "established".to_owned(),
        CallEvent::Terminated { reason } => format!("terminated {reason}"),
        CallEvent::Message { message, .. } => format!("message {}", message.content),
        CallEvent::MessageResult { id, reason, .. } => format!("message {id}: {reason}"),
        CallEvent::Held { held, by } => format!("held {held} by {by:?}"),
        CallEvent::Transfer(TransferChange::Trying(why)) => format!("transfer trying {why}"),
        CallEvent::Transfer(TransferChange::Accepted(why)) => format!("transfer accepted {why}"),
        CallEvent::Transfer(TransferChange::Failed(why)) => format!("transfer failed {why}"),
        CallEvent::Expiring { seconds } => format!("expiring {seconds}"),
        CallEvent::Update(UpdateChange::Received { .. }) => "update received".to_owned(),
        CallEvent::Update(UpdateChange::Accepted { .. }) => "update accepted".to_owned(),
        CallEvent::Update(UpdateChange::Failed { reason }) => format!("update failed {reason}"),
        CallEvent::Quality(_, verdict) => format!("quality {}", verdict.cause.token()),
        CallEvent::MediaTrouble(verdict) => format!("trouble {}", verdict.cause.token()),
        CallEvent::Key { digit, .. } => format!("key {digit}"),
        CallEvent::Missed { originator, .. } => format!("missed {}", originator.uri),
    }
}
