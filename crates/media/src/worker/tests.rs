//! Workers by their behaviour: on loopback with real sockets, and on virtual time.

mod answer;
mod legs;
mod loopback;
mod tcp;

use crate::codec::AudioCodec;
use crate::relay::{AudioFormat, Path, PayloadKind, ReceiveMap, Relay, SendFormats};
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
        open: true,
    };
    Relay {
        codec: AudioCodec::Pcmu,
        ptime: 20,
        to_phone: path.clone(),
        to_browser: path,
    }
}
