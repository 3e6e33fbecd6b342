//! One ICE candidate of the browser (W3C webrtc, `RTCIceCandidateInit`).

/// A candidate as the browser gave it. An empty [`line`](Self::line) ends a generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// `candidate:…`, without `a=`; not parsed any further.
    pub line: String,
    /// The `a=mid` of the media section it belongs to.
    pub mid: Option<String>,
    /// The index of that section, counted from 0.
    pub m_line_index: Option<u16>,
}
