//! What the far end's answers say: where a request came from, the description, and the same again.
//!
//! Knows no calls: [`super::answerer`] does.

use std::net::SocketAddr;

use media::sdp::{PhoneDescription, VideoFormat};
use media::video::VideoCodec;
use sip_stack::message::{HeaderName, Request, Response};

use crate::codec::Codec;

/// RFC 3581 §4: the answer tells where the request came from.
pub(super) fn note_source(request: &mut Request, from: SocketAddr) {
    if let Ok(mut via) = request.headers.via() {
        via.set_received(from.ip());
        if via.wants_rport() {
            via.set_rport(Some(from.port()));
        }
        request.headers.replace_first(&HeaderName::Via, via);
    }
}

/// The same answer for another request of the dialog.
pub(super) fn renewed(ok: &Response, request: &Request) -> Response {
    let mut renewed = ok.clone();
    for name in [HeaderName::Via, HeaderName::CSeq] {
        renewed.headers.remove(&name);
        for value in request.headers.lines(&name) {
            renewed.headers.push(name.clone(), value.clone());
        }
    }
    renewed
}

/// One codec, both ways, RTCP on the next port; and VP8, if it is offered, on the same port.
pub(super) fn answer_sdp(
    offer: &PhoneDescription,
    rtp: SocketAddr,
    codec: Codec,
) -> Option<String> {
    let format = offer.formats.codec(codec.audio())?;
    let family = if rtp.is_ipv4() { "IP4" } else { "IP6" };
    let (ip, port, pt) = (rtp.ip(), rtp.port(), format.pt);
    let channels = match codec.audio().channels() {
        Some(channels) => format!("/{channels}"),
        None => String::new(),
    };
    let mut text = format!(
        "v=0\r\no=echo 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP {pt}\r\na=rtpmap:{pt} {}/{}{channels}\r\na=ptime:20\r\na=sendrecv\r\n",
        codec.audio().name(),
        codec.audio().clock_rate(),
    );
    if let Some(video) = &offer.video
        && let Some(line) = offer.media.get(video.line)
    {
        let vp8 = |format: &&VideoFormat| format.codec == VideoCodec::Vp8;
        let pt = video.formats.iter().find(vp8)?.pt;
        let protocol = &line.protocol;
        text.push_str(&format!(
            "m=video {port} {protocol} {pt}\r\na=rtpmap:{pt} VP8/90000\r\na=sendrecv\r\n"
        ));
    }
    Some(text)
}
