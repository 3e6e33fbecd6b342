//! The one table from wire names to requests.

use super::{LaterRequest, Request, account, extension, message, session};
use crate::fields::{Fields, WrongField};
use crate::{Dialect, Vocabulary};

/// A request that a dialect knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    name: &'static str,
    /// The original server's class, which its error texts name.
    pub(crate) class: &'static str,
    kind: Kind,
    spoken_in: SpokenIn,
    /// The vocabulary that the name is from.
    pub(crate) names: Vocabulary,
}

/// A name that the dialect does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unknown {
    /// The dialect that does.
    pub(crate) spoken_in: Option<Dialect>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Ping,
    AccountAdd,
    AccountBind,
    AccountRemove,
    AccountRegister,
    AccountUnregister,
    SessionCreate,
    SessionAnswer,
    SessionTrickle,
    SessionTerminate,
    SessionDtmfInfo,
    SessionUpdate,
    SessionMessage,
    SessionRing,
    SessionHold,
    SessionTransfer,
    SessionQuality,
    Later(LaterRequest),
}

#[derive(Clone, Copy, Debug)]
enum SpokenIn {
    Both,
    Only(Dialect),
}

const V1: SpokenIn = SpokenIn::Only(Dialect::V1);
const V2: SpokenIn = SpokenIn::Only(Dialect::V2);

#[rustfmt::skip] // one row per request
const TABLE: &[Known] = &[
    stable("ping", "PingRequest", Kind::Ping, V2),
    stable("account-add", "AccountAddRequest", Kind::AccountAdd, SpokenIn::Both),
    stable("account-remove", "AccountRemoveRequest", Kind::AccountRemove, SpokenIn::Both),
    stable("account-register", "AccountRegisterRequest", Kind::AccountRegister, SpokenIn::Both),
    stable("account-unregister", "AccountUnregisterRequest", Kind::AccountUnregister, SpokenIn::Both),
    stable("session-create", "SessionCreateRequest", Kind::SessionCreate, SpokenIn::Both),
    stable("session-answer", "SessionAnswerRequest", Kind::SessionAnswer, SpokenIn::Both),
    stable("session-trickle", "SessionTrickleRequest", Kind::SessionTrickle, SpokenIn::Both),
    stable("session-terminate", "SessionTerminateRequest", Kind::SessionTerminate, SpokenIn::Both),
    stable("session-dtmf-info", "SessionDtmfInfoRequest", Kind::SessionDtmfInfo, V2),
    stable("session-update", "SessionUpdateRequest", Kind::SessionUpdate, V2),
    stable("session-message", "SessionMessageRequest", Kind::SessionMessage, V2),
    // Extensions of this gateway.
    stable("session-ring", "SessionRingRequest", Kind::SessionRing, SpokenIn::Both),
    stable("session-hold", "SessionHoldRequest", Kind::SessionHold, SpokenIn::Both),
    stable("session-transfer", "SessionTransferRequest", Kind::SessionTransfer, SpokenIn::Both),
    stable("session-quality", "SessionQualityRequest", Kind::SessionQuality, SpokenIn::Both),
    // July 2015, and for the first two the days before.
    of_2015("bind", "AccountAddRequest", Kind::AccountBind),
    of_2015("unbind", "AccountRemoveRequest", Kind::AccountRemove),
    of_2015("add_account", "AccountAddRequest", Kind::AccountAdd),
    of_2015("remove_account", "AccountRemoveRequest", Kind::AccountRemove),
    of_2015("register", "AccountRegisterRequest", Kind::AccountRegister),
    of_2015("unregister", "AccountUnregisterRequest", Kind::AccountUnregister),
    of_2015("call", "SessionCreateRequest", Kind::SessionCreate),
    of_2015("answer", "SessionAnswerRequest", Kind::SessionAnswer),
    of_2015("trickle", "SessionTrickleRequest", Kind::SessionTrickle),
    of_2015("terminate", "SessionTerminateRequest", Kind::SessionTerminate),
    // Known, not carried out yet.
    later(LaterRequest::LookupPublicKey, "LookupPublicKeyRequest", V2),
    later(LaterRequest::AccountDevicetoken, "AccountDeviceTokenRequest", SpokenIn::Both),
    later(LaterRequest::AccountMessage, "AccountMessageRequest", V2),
    later(LaterRequest::AccountDispositionNotification, "AccountDispositionNotificationRequest", V2),
    later(LaterRequest::AccountSyncConversations, "AccountSyncConversationsRequest", V2),
    later(LaterRequest::AccountMarkConversationRead, "AccountMarkConversationReadRequest", V2),
    later(LaterRequest::AccountRemoveMessage, "AccountMessageRemoveRequest", V2),
    later(LaterRequest::AccountRemoveConversation, "AccountConversationRemoveRequest", V2),
    later(LaterRequest::AccountFetchAddressbook, "AccountFetchAddressbookRequest", V2),
    later(LaterRequest::AccountUpdateAddressbook, "AccountUpdateAddressBookRequest", V2),
    later(LaterRequest::VideoroomJoin, "VideoroomJoinRequest", SpokenIn::Both),
    later(LaterRequest::VideoroomLeave, "VideoroomLeaveRequest", V2),
    later(LaterRequest::VideoroomTerminate, "VideoroomTerminateRequest", V1),
    later(LaterRequest::VideoroomCtl, "VideoroomControlRequest", V1),
    later(LaterRequest::VideoroomConfigure, "VideoroomConfigureRequest", V2),
    later(LaterRequest::VideoroomFeedAttach, "VideoroomFeedAttachRequest", V2),
    later(LaterRequest::VideoroomFeedAnswer, "VideoroomFeedAnswerRequest", V2),
    later(LaterRequest::VideoroomFeedDetach, "VideoroomFeedDetachRequest", V2),
    later(LaterRequest::VideoroomInvite, "VideoroomInviteRequest", V2),
    later(LaterRequest::VideoroomSessionTrickle, "VideoroomSessionTrickleRequest", V2),
    later(LaterRequest::VideoroomSessionUpdate, "VideoroomSessionUpdateRequest", V2),
    later(LaterRequest::VideoroomMessage, "VideoroomMessageRequest", V2),
    later(LaterRequest::VideoroomComposingIndication, "VideoroomComposingIndicationRequest", V2),
    later(LaterRequest::VideoroomMuteAudioParticipants, "VideoroomMuteAudioParticipantsRequest", V2),
    later(LaterRequest::VideoroomToggleHand, "VideoroomToggleHandRequest", V2),
];

/// Finds the request of that name.
pub(crate) fn lookup(dialect: Dialect, name: &str) -> Result<Known, Unknown> {
    let known = TABLE.iter().find(|known| known.name == name);
    let known = known.ok_or(Unknown { spoken_in: None })?;
    match known.spoken_in {
        SpokenIn::Only(other) if other != dialect => Err(Unknown {
            spoken_in: Some(other),
        }),
        SpokenIn::Both | SpokenIn::Only(_) => Ok(*known),
    }
}

impl Known {
    /// Reads the fields of the request.
    pub(crate) fn read(&self, fields: &Fields<'_>) -> Result<Request, WrongField> {
        match self.kind {
            Kind::Ping => Ok(Request::Ping),
            Kind::AccountAdd => account::add(fields, false),
            Kind::AccountBind => account::add(fields, true),
            Kind::AccountRemove => account::remove(fields),
            Kind::AccountRegister => account::register(fields),
            Kind::AccountUnregister => account::unregister(fields),
            Kind::SessionCreate => session::create(fields),
            Kind::SessionAnswer => session::answer(fields),
            Kind::SessionTrickle => session::trickle(fields),
            Kind::SessionTerminate => session::terminate(fields),
            Kind::SessionDtmfInfo => session::dtmf_info(fields),
            Kind::SessionUpdate => session::update(fields),
            Kind::SessionMessage => message::session(fields),
            Kind::SessionRing => extension::ring(fields),
            Kind::SessionHold => extension::hold(fields),
            Kind::SessionTransfer => extension::transfer(fields),
            Kind::SessionQuality => extension::quality(fields),
            Kind::Later(request) => Ok(Request::Later(request)),
        }
    }
}

const fn stable(name: &'static str, class: &'static str, kind: Kind, spoken_in: SpokenIn) -> Known {
    Known {
        name,
        class,
        kind,
        spoken_in,
        names: Vocabulary::Stable,
    }
}

const fn of_2015(name: &'static str, class: &'static str, kind: Kind) -> Known {
    Known {
        name,
        class,
        kind,
        spoken_in: V1,
        names: Vocabulary::Names2015,
    }
}

const fn later(request: LaterRequest, class: &'static str, spoken_in: SpokenIn) -> Known {
    stable(request.name(), class, Kind::Later(request), spoken_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_stands_in_the_table_twice() {
        for (index, known) in TABLE.iter().enumerate() {
            assert!(
                TABLE[..index]
                    .iter()
                    .all(|earlier| earlier.name != known.name),
                "{}",
                known.name
            );
        }
    }

    #[test]
    fn the_names_of_2015_belong_to_the_first_dialect() {
        assert_eq!(
            lookup(Dialect::V1, "add_account").unwrap().names,
            Vocabulary::Names2015
        );
        let unknown = Unknown {
            spoken_in: Some(Dialect::V1),
        };
        assert_eq!(lookup(Dialect::V2, "add_account").unwrap_err(), unknown);
    }

    #[test]
    fn a_name_of_the_other_dialect_tells_so() {
        let unknown = Unknown {
            spoken_in: Some(Dialect::V2),
        };
        assert_eq!(lookup(Dialect::V1, "ping").unwrap_err(), unknown);
        assert_eq!(
            lookup(Dialect::V1, "pong").unwrap_err(),
            Unknown { spoken_in: None }
        );
    }
}
