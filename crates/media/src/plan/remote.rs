//! Where a phone's media goes: its addresses, judged by the policy.

use std::net::SocketAddr;

use super::{Policy, Refusal};
use crate::endpoints::PhoneRemote;
use crate::sdp::{Direction, MediaAddress, PhoneDescription, UnsafeAddress};
use crate::srtp::SdesKeys;

/// The phone leg's far end; `None` when the phone wants nothing for now.
///
/// # Errors
/// An address of the other family than `local`, or one that the policy refuses. A refused RTCP
/// address only costs the phone its reports.
pub(super) fn phone_remote(
    phone: &PhoneDescription,
    policy: &Policy,
    local: SocketAddr,
    mux: bool,
) -> Result<Option<PhoneRemote>, Refusal> {
    remote_of(phone.address, phone.rtcp, policy, local, mux)
}

/// The same for any media section of a phone.
pub(super) fn remote_of(
    address: MediaAddress,
    rtcp: Option<SocketAddr>,
    policy: &Policy,
    local: SocketAddr,
    mux: bool,
) -> Result<Option<PhoneRemote>, Refusal> {
    let rtp = match address {
        MediaAddress::At(rtp) => rtp,
        MediaAddress::Unspecified => return Ok(None),
        MediaAddress::Unusable => return Err(Refusal::Address(UnsafeAddress::NoAddress)),
    };
    if rtp.is_ipv4() != local.ip().to_canonical().is_ipv4() {
        return Err(Refusal::AddressFamily);
    }
    if rtp == local {
        return Err(Refusal::Address(UnsafeAddress::Own));
    }
    policy.addresses.check(rtp).map_err(Refusal::Address)?;
    let rtcp = if mux {
        Some(rtp)
    } else {
        rtcp_beside(rtcp, rtp)
    };
    let usable = |rtcp: &SocketAddr| {
        rtcp.is_ipv4() == rtp.is_ipv4() && policy.addresses.check(*rtcp).is_ok()
    };
    Ok(Some(PhoneRemote {
        rtp,
        rtcp: rtcp.filter(usable),
        mux,
        srtp: None,
    }))
}

/// The same far end with the keys that were agreed on.
pub(super) fn with_keys(keys: Option<SdesKeys>) -> impl Fn(PhoneRemote) -> PhoneRemote {
    move |remote| PhoneRemote {
        srtp: keys,
        ..remote
    }
}

/// What `a=rtcp` says, else the next port (RFC 3550 §11).
fn rtcp_beside(rtcp: Option<SocketAddr>, rtp: SocketAddr) -> Option<SocketAddr> {
    let next = || {
        rtp.port()
            .checked_add(1)
            .map(|port| SocketAddr::new(rtp.ip(), port))
    };
    rtcp.or_else(next)
}

/// What the phone really does: with the unspecified address it hears nothing, whatever its
/// direction says (the hold of RFC 2543, RFC 3264 §8.4).
pub(super) fn direction(phone: &PhoneDescription) -> Direction {
    match phone.address {
        MediaAddress::At(_) | MediaAddress::Unusable => phone.direction,
        MediaAddress::Unspecified => Direction::new(phone.direction.sends(), false),
    }
}
