//! What a call wants done.

use std::time::Duration;

use media::dtmf::Dtmf;
use media::quality::{CallFigures, Verdict};
use media::video::AgreedVideo;
use media::{BrowserRemote, IceCredentials, PhoneRemote, Relay};
use sip_stack::account::{AccountId, SessionId};
use sip_stack::command::Command;
use sip_stack::event::{Originator, StatusReason};
use sip_stack::page_message::PageMessage;

/// One thing the call's task has to do.
#[derive(Debug)]
pub enum Action {
    /// Give this to the user agent.
    Sip(Command),
    /// Do this to the legs.
    Media(MediaAction),
    /// Tell the client.
    Notify(CallEvent),
    /// Open a leg towards a phone that may take the present one's place. Ends in
    /// [`Input::CandidateOpened`](super::Input::CandidateOpened) or `CandidateRefused`.
    OpenCandidate(CandidateSession),
}

/// What is to happen to the legs.
#[derive(Debug, Clone)]
pub enum MediaAction {
    /// Where the peers are and how their media is carried; again when any of it changes.
    Connect {
        /// The browser's end; absent when it has been said before.
        browser: Option<BrowserRemote>,
        /// The phone's end; absent when media to it is on hold without an address.
        phone: Option<PhoneRemote>,
        /// The plan.
        relay: Box<Relay>,
        /// The same for video; nothing is carried when there is none.
        video: Option<Box<AgreedVideo>>,
    },
    /// The phone needs a keyframe of the browser's video.
    NeedKeyframe,
    /// Who the browser is, while the phone's end is still unknown.
    ExpectBrowser(BrowserRemote),
    /// The browser has restarted ICE; these are in our answer.
    RestartIce(IceCredentials),
    /// The browser is moved over to the leg that was opened last; the present phone's is closed.
    Swap {
        /// The browser's end; absent when it has been said before.
        browser: Option<BrowserRemote>,
        /// The new phone's end.
        phone: Option<PhoneRemote>,
        /// The plan.
        relay: Box<Relay>,
        /// The same for video; nothing is carried when there is none.
        video: Option<Box<AgreedVideo>>,
    },
    /// Send the phone a key, as the plan says.
    SendKey(Dtmf),
    /// The phone has sent a key by INFO.
    TellKey(Dtmf),
    /// Close the leg that was opened last: its phone does not take part.
    DropCandidate,
    /// Close all.
    Close,
}

/// The session of a phone that may take the present one's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CandidateSession {
    /// We call it: a new one.
    New,
    /// It calls us.
    Incoming(SessionId),
}

/// What a client is told of a call, whatever protocol it speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallEvent {
    /// Outgoing: the INVITE has left.
    Progress,
    /// Outgoing: a provisional response other than 180.
    Proceeding {
        /// 101 to 199.
        code: u16,
    },
    /// Outgoing: 180.
    Ringing,
    /// Outgoing: the phone can be heard before it has accepted.
    EarlyMedia {
        /// The answer to the browser's offer; may be kept back and told with `Accepted`.
        sdp: String,
        /// Call-ID of the SIP call.
        call_id: Option<String>,
    },
    /// Outgoing: the phone has accepted. Incoming: the phone has been told that the client has.
    Accepted(Accepted),
    /// Media flows between browser and gateway.
    Established,
    /// The call is over.
    Terminated {
        /// Why.
        reason: StatusReason,
    },
    /// The phone wrote.
    Message {
        /// Who wrote it, as it says.
        from: Originator,
        /// What it wrote.
        message: PageMessage,
    },
    /// What has become of a message of the client.
    MessageResult {
        /// The client's name for it.
        id: String,
        /// The time that the client gave it.
        timestamp: String,
        /// The phone's answer, or what stands in for it.
        reason: StatusReason,
    },
    /// One side put the other on hold, or took it back.
    Held {
        /// Whether it is held now.
        held: bool,
        /// Who did so.
        by: Side,
    },
    /// How a transfer goes that the client asked for.
    Transfer(TransferChange),
    /// The call is about to reach its longest duration.
    Expiring {
        /// How long it still has.
        seconds: u64,
    },
    /// A change of the established call.
    Update(UpdateChange),
    /// How the call has sounded since this was told last, for clients that asked.
    Quality(Box<CallFigures>, Verdict),
    /// Somebody does not hear what he should, or does so again.
    MediaTrouble(Verdict),
    /// The phone has sent a key, for clients that asked.
    Key {
        /// `0`-`9`, `*`, `#`, `A`-`D`.
        digit: char,
        /// How long it was pressed.
        duration: Duration,
    },
    /// An incoming call ended before it was answered, here or elsewhere.
    Missed {
        /// Who was called.
        account: AccountId,
        /// Who called.
        originator: Originator,
    },
}

/// One of the two ends of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The browser's.
    Client,
    /// The phone's.
    Phone,
}

/// How far a transfer has come. Each carries what is known of the call to the new end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferChange {
    /// The phone tries.
    Trying(StatusReason),
    /// The phone is connected with the new end.
    Accepted(StatusReason),
    /// It came to nothing; the call is as before.
    Failed(StatusReason),
}

/// How a change of an established call goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateChange {
    /// The phone wants one, which the client has to agree to.
    Received {
        /// The offer.
        sdp: String,
    },
    /// The client's is carried out.
    Accepted {
        /// The answer.
        sdp: String,
    },
    /// It came to nothing, whose ever it was; the call is as before.
    Failed {
        /// Why.
        reason: StatusReason,
    },
}

/// What came with the acceptance of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Outgoing: the answer to the browser's offer, the same as any told with `EarlyMedia`.
    pub sdp: Option<String>,
    /// Outgoing: Call-ID of the SIP call.
    pub call_id: Option<String>,
    /// Outgoing: all headers of the 200, in order.
    pub headers: Vec<(String, String)>,
}
