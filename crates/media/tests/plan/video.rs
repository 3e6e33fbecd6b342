//! Video beside the audio (RFC 3264 §6, RFC 8843): what is agreed at first, what comes and goes
//! later, and the keys of it.

mod changed;
mod encrypted;
mod first;

use media::plan::{Agreed, accept_phone_answer, browser_answer, phone_offer};
use media::rtp::Pt;
use media::{PhoneLocal, SrtpLocal, SrtpPolicy, VideoLocal};

use crate::far_ends::{
    BARESIP_ANSWER, CHROMIUM_OFFER, address, assert_well_formed, browser, browser_local,
    phone_local, policy, video_phone as phone,
};

const VP8: &str = "m=video 5006 RTP/AVP 97\r\na=rtpmap:97 VP8/90000\r\na=rtcp-fb:* nack pli\r\n";
const H264: &str = "m=video 5006 RTP/AVP 107\r\na=rtpmap:107 H264/90000\r\n\
                    a=fmtp:107 packetization-mode=0;profile-level-id=428014\r\n";

/// Our end with a leg for video.
pub(super) fn local() -> PhoneLocal {
    PhoneLocal {
        video: Some(VideoLocal {
            rtp: address("203.0.113.1:40002"),
            rtcp: address("203.0.113.1:40003"),
            srtp: SrtpLocal::new(SrtpPolicy::Off, [8; 32]),
        }),
        ..phone_local()
    }
}

fn pt(number: u8) -> Pt {
    Pt::new(number).expect("seven bits")
}

fn outgoing(video: &str) -> (Agreed, String) {
    let browser = browser(CHROMIUM_OFFER);
    let offer = phone_offer(&browser, &policy(), &local()).expect("offer");
    let answer = phone(&format!("{BARESIP_ANSWER}{video}"));
    let agreed = accept_phone_answer(&browser, &offer, &answer, &policy()).expect("agreed");
    let answer = browser_answer(&browser, &agreed, &browser_local());
    assert_well_formed(offer.text());
    (agreed, answer.text().to_owned())
}

/// A browser's offer without its video.
fn without_video(offer: &str) -> String {
    let at = offer.find("m=video").expect("video");
    let end = offer[at..]
        .find("m=application")
        .map_or(offer.len(), |end| at + end);
    format!("{}{}", &offer[..at], &offer[end..]).replace("BUNDLE 0 1", "BUNDLE 0")
}
