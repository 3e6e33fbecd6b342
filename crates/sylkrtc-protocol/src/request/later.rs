//! Requests that exist in sylkRTC and that this gateway does not carry out yet.

/// A known request whose turn comes later. Only its name was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LaterRequest {
    /// `lookup-public-key`
    LookupPublicKey,
    /// `account-devicetoken`
    AccountDevicetoken,
    /// `account-message`
    AccountMessage,
    /// `account-disposition-notification`
    AccountDispositionNotification,
    /// `account-sync-conversations`
    AccountSyncConversations,
    /// `account-mark-conversation-read`
    AccountMarkConversationRead,
    /// `account-remove-message`
    AccountRemoveMessage,
    /// `account-remove-conversation`
    AccountRemoveConversation,
    /// `account-fetch-addressbook`
    AccountFetchAddressbook,
    /// `account-update-addressbook`
    AccountUpdateAddressbook,
    /// `videoroom-join`
    VideoroomJoin,
    /// `videoroom-leave`
    VideoroomLeave,
    /// `videoroom-terminate`, the former in `sylkRTC-1`
    VideoroomTerminate,
    /// `videoroom-ctl`, every control in `sylkRTC-1`
    VideoroomCtl,
    /// `videoroom-configure`
    VideoroomConfigure,
    /// `videoroom-feed-attach`
    VideoroomFeedAttach,
    /// `videoroom-feed-answer`
    VideoroomFeedAnswer,
    /// `videoroom-feed-detach`
    VideoroomFeedDetach,
    /// `videoroom-invite`
    VideoroomInvite,
    /// `videoroom-session-trickle`
    VideoroomSessionTrickle,
    /// `videoroom-session-update`
    VideoroomSessionUpdate,
    /// `videoroom-message`
    VideoroomMessage,
    /// `videoroom-composing-indication`
    VideoroomComposingIndication,
    /// `videoroom-mute-audio-participants`
    VideoroomMuteAudioParticipants,
    /// `videoroom-toggle-hand`
    VideoroomToggleHand,
}

impl LaterRequest {
    /// The wire name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LookupPublicKey => "lookup-public-key",
            Self::AccountDevicetoken => "account-devicetoken",
            Self::AccountMessage => "account-message",
            Self::AccountDispositionNotification => "account-disposition-notification",
            Self::AccountSyncConversations => "account-sync-conversations",
            Self::AccountMarkConversationRead => "account-mark-conversation-read",
            Self::AccountRemoveMessage => "account-remove-message",
            Self::AccountRemoveConversation => "account-remove-conversation",
            Self::AccountFetchAddressbook => "account-fetch-addressbook",
            Self::AccountUpdateAddressbook => "account-update-addressbook",
            Self::VideoroomJoin => "videoroom-join",
            Self::VideoroomLeave => "videoroom-leave",
            Self::VideoroomTerminate => "videoroom-terminate",
            Self::VideoroomCtl => "videoroom-ctl",
            Self::VideoroomConfigure => "videoroom-configure",
            Self::VideoroomFeedAttach => "videoroom-feed-attach",
            Self::VideoroomFeedAnswer => "videoroom-feed-answer",
            Self::VideoroomFeedDetach => "videoroom-feed-detach",
            Self::VideoroomInvite => "videoroom-invite",
            Self::VideoroomSessionTrickle => "videoroom-session-trickle",
            Self::VideoroomSessionUpdate => "videoroom-session-update",
            Self::VideoroomMessage => "videoroom-message",
            Self::VideoroomComposingIndication => "videoroom-composing-indication",
            Self::VideoroomMuteAudioParticipants => "videoroom-mute-audio-participants",
            Self::VideoroomToggleHand => "videoroom-toggle-hand",
        }
    }
}
