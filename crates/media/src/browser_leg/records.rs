//! What can be told of a datagram of DTLS records from outside (RFC 6347 §4.1): content types and
//! epochs. Nothing is opened, and nothing that a peer claims of lengths is believed.

const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;
const ALERT: u8 = 21;
/// Handshake type (RFC 5246 §7.4).
const CLIENT_HELLO: u8 = 1;
/// Of a record's header.
const HEADER: usize = 13;

/// Handshake or change-cipher-spec comes first in the datagram.
pub(super) fn speaks_handshake(datagram: &[u8]) -> bool {
    datagram.len() >= HEADER && matches!(datagram[0], CHANGE_CIPHER_SPEC | HANDSHAKE)
}

/// All records are handshake in the clear: the server's flight before its last.
pub(super) fn repeats_hello(datagram: &[u8]) -> bool {
    records(datagram).all(|record| record == (HANDSHAKE, 0))
}

/// Begins with a client's hello, or a piece of one (RFC 6347 §4.2.2).
pub(super) fn is_client_hello(datagram: &[u8]) -> bool {
    let [Some(content), Some(kind)] = [0, HEADER].map(|at| datagram.get(at)) else {
        return false;
    };
    *content == HANDSHAKE && *kind == CLIENT_HELLO
}

/// Holds a change of cipher spec.
pub(super) fn changes_cipher(datagram: &[u8]) -> bool {
    records(datagram).any(|(content, _)| content == CHANGE_CIPHER_SPEC)
}

/// Content type and epoch of each record (RFC 6347 §4.1).
fn records(mut datagram: &[u8]) -> impl Iterator<Item = (u8, u16)> {
    std::iter::from_fn(move || {
        let (header, rest) = datagram.split_first_chunk::<HEADER>()?;
        let length = usize::from(u16::from_be_bytes([header[11], header[12]]));
        datagram = rest.get(length..).unwrap_or_default();
        Some((header[0], u16::from_be_bytes([header[3], header[4]])))
    })
}

/// An alert, sealed or not.
pub(super) fn is_alert(datagram: &[u8]) -> bool {
    datagram.first() == Some(&ALERT)
}

/// A fatal alert in the clear.
pub(super) fn is_fatal_alert(datagram: &[u8]) -> bool {
    datagram.len() == HEADER + 2 && datagram[0] == ALERT && datagram[HEADER] == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(content: u8, epoch: u16, length: usize) -> Vec<u8> {
        let mut record = vec![content, 0xfe, 0xfd];
        record.extend(epoch.to_be_bytes());
        record.extend([0; 6]);
        record.extend((length as u16).to_be_bytes());
        record.resize(HEADER + length, 2);
        record
    }

    #[test]
    fn a_datagram_is_known_by_its_records() {
        let flight = [record(HANDSHAKE, 0, 40), record(HANDSHAKE, 0, 60)].concat();
        let last = [
            record(HANDSHAKE, 0, 66),
            record(CHANGE_CIPHER_SPEC, 0, 1),
            record(HANDSHAKE, 1, 40),
        ]
        .concat();
        assert!(repeats_hello(&flight) && !repeats_hello(&last));
        assert!(!changes_cipher(&flight) && changes_cipher(&last));
        assert!(speaks_handshake(&flight) && !speaks_handshake(&record(ALERT, 0, 2)));
        assert!(is_fatal_alert(&record(ALERT, 0, 2)));
        assert!(!is_fatal_alert(&record(ALERT, 0, 30)), "a sealed one");
    }

    #[test]
    fn lengths_that_lie_end_the_datagram() {
        let mut lies = record(HANDSHAKE, 0, 40);
        lies[12] = 200;
        lies.extend(record(CHANGE_CIPHER_SPEC, 0, 1));
        assert_eq!(records(&lies).count(), 1);
        for cut in 0..HEADER {
            assert_eq!(records(&lies[..cut]).count(), 0);
            assert!(!speaks_handshake(&lies[..cut]));
        }
    }
}
