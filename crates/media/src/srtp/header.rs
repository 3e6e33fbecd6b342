//! The header of an SRTP packet, as far as decryption needs it (RFC 3550 §5.1).

const RTP_HEADER: usize = 12;

/// The facts rtc-srtp needs of a header, found by our own walk. The length is
/// all it takes from extensions and contributing sources; it is handed over as padding of an
/// extension, which rtc-srtp counts exactly and which takes no memory.
pub(crate) fn header_for_decryption(packet: &[u8]) -> Option<rtc_rtp::header::Header> {
    let &[b0, b1, s0, s1, _, _, _, _, c0, c1, c2, c3, ..] = packet else {
        return None;
    };
    if b0 & 0xc0 != 0x80 {
        return None;
    }
    let mut length = RTP_HEADER + 4 * usize::from(b0 & 0x0f);
    if b0 & 0x10 != 0 {
        let words = packet.get(length + 2..length + 4)?;
        length += 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
    }
    if length > packet.len() {
        return None;
    }
    Some(rtc_rtp::header::Header {
        version: 2,
        payload_type: b1 & 0x7f,
        sequence_number: u16::from_be_bytes([s0, s1]),
        ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
        extension: length > RTP_HEADER,
        extensions_padding: length.saturating_sub(RTP_HEADER + 4),
        ..Default::default()
    })
}
