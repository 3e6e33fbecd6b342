//! What a leg reports to signalling: events, failures, counters.

use std::time::Duration;

use crate::codec::AudioCodec;
use crate::quality::Sound;

/// Something a leg has to tell. Delivered on the worker's thread by the callback
/// given when the leg was opened; the callback must not block.
///
/// After [`LegEvent::Failed`] the leg carries no media; its handle is still to be dropped.
/// [`LegEvent::Stats`] is the last event of every leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LegEvent {
    /// Browser leg: the first authenticated connectivity check has come (RFC 8445).
    IceValidated,
    /// Browser leg: DTLS is up and the peer's certificate is the one signalled.
    Connected,
    /// The leg cannot go on.
    Failed(LegFailure),
    /// A leg that should be receiving media has received nothing for this long, not even
    /// reports. Said again after each further [`crate::Limits::silence`].
    MediaStopped {
        /// How long nothing has come.
        silence: Duration,
    },
    /// Phone leg: the phone has sent a key, whatever the form: a telephone-event that has ended
    /// (RFC 4733), a tone in the sound, or what [`crate::PhoneLeg::tell_digit`] was told. Browser leg: a
    /// telephone-event of the browser has ended. Each key once.
    Dtmf {
        /// `0`-`9`, `*`, `#`, `A`-`D`.
        digit: char,
        /// How long it was pressed.
        duration: Duration,
    },
    /// Phone leg of video: a keyframe is needed, and the phone has agreed to no RTCP that would
    /// ask for one (RFC 5168). Said every two seconds at most.
    KeyframeNeeded,
    /// Final counters, once, when the leg has been closed.
    Stats(Box<LegStats>),
}

/// Why a leg ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegFailure {
    /// The peer's certificate is not the one its SDP named: misconfiguration or an attack.
    FingerprintMismatch,
    /// The handshake failed, or did not end within its limit.
    DtlsFailed,
    /// The peer closed the DTLS association: the page is gone or closed its connection.
    DtlsClosed,
    /// No authenticated connectivity check ever came.
    IceTimeout,
    /// Connectivity checks have stopped (RFC 7675).
    ConsentExpired,
    /// Serving this leg panicked: a defect of ours, confined to this leg. Or its worker could
    /// not go on at all, and all its legs were told so.
    Panicked,
}

/// Counters of one leg since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegStats {
    /// RTP taken from the peer.
    pub received: Flow,
    /// RTP sent to the peer.
    pub sent: Flow,
    /// RTP packets from the peer that never came, as far as sequence numbers tell.
    pub lost: u64,
    /// RTP packets the peer says it has missed (RFC 3550 §6.4.1, cumulative).
    pub lost_at_peer: u64,
    /// Interarrival jitter of what was received (RFC 3550 §6.4.1).
    pub jitter: Duration,
    /// Interarrival jitter of what was sent, as the peer says.
    pub jitter_at_peer: Duration,
    /// Round trip by the peer's receiver reports, if one came.
    pub round_trip: Option<Duration>,
    /// What was thrown away, and why.
    pub dropped: Dropped,
    /// How loud what came from the peer was.
    pub sound: Sound,
    /// For how long nothing has come from the peer, or how long it has been allowed to speak if
    /// that is less. Zero while it is not.
    pub absent: Duration,
    /// The same for nothing but silence. Zero also where loudness cannot be told.
    pub silent: Duration,
    /// How far the leg has come.
    pub link: Link,
    /// Whether what the peer says is to be carried.
    pub way: Way,
    /// What the leg speaks by the last plan.
    pub codec: Option<AudioCodec>,
    /// Browser leg: its video, which is in none of the counters above.
    pub video: Option<VideoStats>,
}

/// Counters of video. Of a phone leg that carries video they are its [`LegStats`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VideoStats {
    /// RTP taken from the peer.
    pub received: Flow,
    /// RTP sent to the peer.
    pub sent: Flow,
    /// RTP packets from the peer that never came, as far as sequence numbers tell.
    pub lost: u64,
    /// RTP packets the peer says it has missed (RFC 3550 §6.4.1, cumulative).
    pub lost_at_peer: u64,
}

impl VideoStats {
    /// Adds those of another leg.
    pub fn add(&mut self, other: &Self) {
        self.received.packets += other.received.packets;
        self.received.bytes += other.received.bytes;
        self.sent.packets += other.sent.packets;
        self.sent.bytes += other.sent.bytes;
        self.lost += other.lost;
        self.lost_at_peer += other.lost_at_peer;
    }
}

impl From<&LegStats> for VideoStats {
    /// Of a phone leg that carries video.
    fn from(leg: &LegStats) -> Self {
        Self {
            received: leg.received,
            sent: leg.sent,
            lost: leg.lost,
            lost_at_peer: leg.lost_at_peer,
        }
    }
}

/// How far a leg has come towards carrying media.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// Browser leg: no authenticated connectivity check has come.
    #[default]
    Unchecked,
    /// Browser leg: a check has come; the handshake is not over.
    Handshaking,
    /// Media can pass. A phone leg without encryption is so from the beginning.
    Ready,
    /// It ended by itself.
    Failed(LegFailure),
}

/// Whether what the peer of a leg says is to be carried to the other leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// There is no plan yet.
    #[default]
    Unplanned,
    /// Plan or gate let nothing pass: one side holds the call, or wanted one way only.
    Closed,
    /// Everything lets it pass, for so long.
    Open(Duration),
}

/// Packets and payload-carrying bytes in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// RTP packets.
    pub packets: u64,
    /// Their UDP payload bytes.
    pub bytes: u64,
}

/// Packets thrown away, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Not RTP, not RTCP, or with a header that lies about its length.
    pub malformed: u64,
    /// Failed SRTP or SRTCP authentication.
    pub unauthentic: u64,
    /// Seen before (SRTP replay protection).
    pub replayed: u64,
    /// An SSRC this leg does not expect.
    pub unknown_ssrc: u64,
    /// From an address this leg does not expect.
    pub unknown_source: u64,
    /// Before keys or the other leg were there, or while the gate was closed.
    pub not_open: u64,
    /// A payload type outside the plan.
    pub unplanned: u64,
    /// The socket would not take it.
    pub send_failed: u64,
}
