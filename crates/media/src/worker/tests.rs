//! Workers by their behaviour: on loopback with real sockets, and on virtual time.

mod answer;
mod fixture;
mod intruders;
mod legs;
mod loopback;
mod rivals;
mod storm;
mod tcp;

use crate::codec::AudioCodec;
use crate::relay::{AudioFormat, InBand, Path, PayloadKind, ReceiveMap, Relay, SendFormats, Waits};
use crate::rtp::Pt;

/// PCMU on both sides; the browser calls it 0, and so does the phone.
fn pcmu() -> Relay {
    let mut receive = ReceiveMap::new();
    receive.insert(Pt::PCMU, PayloadKind::Audio);
    let format = AudioFormat {
        codec: AudioCodec::Pcmu,
        ptime: 20,
    };
    let path = Path {
        receive,
        send: SendFormats {
            audio: Pt::PCMU,
            event: None,
            comfort_noise: None,
        },
        from: format,
        to: format,
        in_band: InBand::Off,
        open: true,
        waits: Waits::No,
        music: None,
    };
    Relay {
        codec: AudioCodec::Pcmu,
        ptime: 20,
        to_phone: path.clone(),
        to_browser: path,
    }
}

/// PCMU at the browser, PCMA in packets of so many milliseconds at the phone; both call theirs 0.
fn transcoded(ptime: u16) -> Relay {
    let plain = pcmu();
    let browser = plain.to_phone.from;
    let phone = AudioFormat {
        codec: AudioCodec::Pcma,
        ptime,
    };
    Relay {
        to_phone: Path {
            to: phone,
            ..plain.to_phone
        },
        to_browser: Path {
            from: phone,
            to: browser,
            ..plain.to_browser
        },
        ..plain
    }
}
