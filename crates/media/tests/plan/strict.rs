//! Beside another reader of SDP: rtc-sdp, which keeps strictly to the grammar's order of lines.

use std::io::Cursor;

use media::plan::{accept_phone_answer, browser_answer, browser_offer, phone_offer};
use media::sdp::PhoneDescription;
use rtc_sdp::description::session::SessionDescription;

use crate::far_ends::{
    ASTERISK_ANSWER, BARESIP_OFFER, CHROMIUM_OFFER, FIREFOX_OFFER, FREESWITCH_OFFER,
    LINPHONE_OFFER, browser, browser_local, phone, phone_local, policy,
};

fn strictly(sdp: &str) -> Result<SessionDescription, rtc_shared::error::Error> {
    SessionDescription::unmarshal(&mut Cursor::new(sdp.as_bytes()))
}

#[test]
fn what_we_write_is_understood_by_a_strict_reader() {
    for offer in [CHROMIUM_OFFER, FIREFOX_OFFER] {
        let browser = browser(offer);
        let offer = phone_offer(&browser, &policy(), &phone_local()).expect("offer");
        let read = strictly(offer.text()).expect("our offer");
        assert_eq!(read.media_descriptions[0].media_name.port.value, 40_000);
        let answer = phone(ASTERISK_ANSWER);
        let agreed = accept_phone_answer(&browser, &offer, &answer, &policy()).expect("agreed");
        let answer = browser_answer(&browser, &agreed, &browser_local());
        let answer = answer.text();
        let read = strictly(answer).expect("our answer");
        assert_eq!(read.media_descriptions.len(), browser.media.len());
        let audio = &read.media_descriptions[0];
        assert_eq!(audio.attribute("mid").flatten(), Some("0"));
        assert!(audio.has_attribute("end-of-candidates"));
    }
    for offer in [BARESIP_OFFER, LINPHONE_OFFER, FREESWITCH_OFFER] {
        let offer = browser_offer(Some(&phone(offer)), &policy(), &browser_local());
        strictly(offer.expect("offer").text()).expect("our offer");
    }
}

#[test]
fn what_a_strict_reader_refuses_is_read_all_the_same() {
    let tail = "m=audio 5000 RTP/AVP 0\r\n";
    let here = "c=IN IP4 192.0.2.1\r\n";
    for (what, head) in [
        (
            "no s= and t=",
            format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n{here}"),
        ),
        (
            "no s=",
            format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n{here}t=0 0\r\n"),
        ),
        (
            "c= behind t=",
            format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n{here}"),
        ),
        (
            "an unknown line",
            format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n{here}t=0 0\r\nx=y\r\n"),
        ),
        (
            "a user name of two words",
            format!("v=0\r\no=Jo Doe 1 1 IN IP4 192.0.2.1\r\ns=-\r\n{here}t=0 0\r\n"),
        ),
        (
            "a session identifier beyond 64 bits",
            format!(
                "v=0\r\no=- 99999999999999999999999 1 IN IP4 192.0.2.1\r\ns=-\r\n{here}t=0 0\r\n"
            ),
        ),
    ] {
        let sdp = head + tail;
        assert!(strictly(&sdp).is_err(), "{what}: rtc-sdp has learned it");
        let read = PhoneDescription::parse(&sdp).expect(what);
        assert_eq!(read.formats.codecs().count(), 1, "{what}");
    }
}

#[test]
fn other_liberties_of_the_field_are_read_too() {
    let good = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
                m=audio 5000 RTP/AVP 0\r\na=sendonly\r\na=ptime:30\r\n";
    let expected = phone(good);
    for (what, sdp) in [
        ("LF", good.replace("\r\n", "\n")),
        ("CR", good.replace("\r\n", "\r")),
        ("no last line end", good.trim_end().to_owned()),
        ("blank lines", good.replace("\r\n", "\r\n\r\n")),
        ("spaces at line ends", good.replace("\r\n", "  \r\n")),
        (
            "a direction in capitals",
            good.replace("sendonly", "SENDONLY"),
        ),
        ("an empty subject", good.replace("s=-", "s=")),
        (
            "a direction for the session",
            good.replace("t=0 0", "t=0 0\r\na=inactive"),
        ),
        (
            "a fractional packet time",
            good.replace("ptime:30", "ptime:30.0"),
        ),
        (
            "junk",
            good.replace(
                "s=-",
                "s=-\r\njunk\r\n=\r\na=\r\na=:\r\na=rtpmap:\r\na=fmtp:x",
            ),
        ),
    ] {
        assert_eq!(phone(&sdp), expected, "{what}");
    }
    let absurd = phone(&good.replace("ptime:30", "ptime:99999999999"));
    assert_eq!(absurd.ptime, None);
}
