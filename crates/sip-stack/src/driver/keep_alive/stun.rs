//! Binding requests and responses of STUN (RFC 5389), as keep-alive on a SIP port
//! (RFC 5626 §8): no authentication, no attribute but XOR-MAPPED-ADDRESS.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER: usize = 20;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_RESPONSE: u16 = 0x0101;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;

/// A STUN message that means something to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::driver) enum Stun {
    /// Asks where we see its sender.
    Request { transaction: [u8; 12] },
    /// Says where its sender sees us.
    Response {
        transaction: [u8; 12],
        mapped: SocketAddr,
    },
}

/// Reads a datagram; `None` if it is neither a binding request nor a response to one.
pub(in crate::driver) fn parse(datagram: &[u8]) -> Option<Stun> {
    let (header, attributes) = datagram.split_at_checked(HEADER)?;
    let length = usize::from(u16_at(header, 2)?);
    if header[4..8] != COOKIE || attributes.len() != length {
        return None;
    }
    let transaction: [u8; 12] = header[8..HEADER].try_into().ok()?;
    match u16_at(header, 0)? {
        BINDING_REQUEST => Some(Stun::Request { transaction }),
        BINDING_RESPONSE => {
            let mapped = mapped_address(attributes, &transaction)?;
            Some(Stun::Response {
                transaction,
                mapped,
            })
        }
        _ => None,
    }
}

/// A binding request.
pub(in crate::driver) fn request(transaction: [u8; 12]) -> Vec<u8> {
    message(BINDING_REQUEST, transaction, &[])
}

/// The answer to one that came from `remote`.
pub(in crate::driver) fn response(transaction: [u8; 12], remote: SocketAddr) -> Vec<u8> {
    let mask = mask(&transaction);
    let ip = match remote.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let family = if ip.len() == 4 { 1 } else { 2 };
    let mut value = vec![0, family];
    value.extend(remote.port().to_be_bytes());
    value.extend(ip);
    for (byte, mask) in value[2..4].iter_mut().zip(COOKIE) {
        *byte ^= mask;
    }
    for (byte, mask) in value[4..].iter_mut().zip(mask) {
        *byte ^= mask;
    }
    let length = u16::try_from(value.len()).unwrap_or(0);
    let mut attribute = XOR_MAPPED_ADDRESS.to_be_bytes().to_vec();
    attribute.extend(length.to_be_bytes());
    attribute.extend(value);
    message(BINDING_RESPONSE, transaction, &attribute)
}

fn message(kind: u16, transaction: [u8; 12], attributes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(attributes.len()).unwrap_or(0);
    let mut bytes = Vec::with_capacity(HEADER + attributes.len());
    bytes.extend(kind.to_be_bytes());
    bytes.extend(length.to_be_bytes());
    bytes.extend(COOKIE);
    bytes.extend(transaction);
    bytes.extend(attributes);
    bytes
}

fn mapped_address(mut attributes: &[u8], transaction: &[u8; 12]) -> Option<SocketAddr> {
    loop {
        let kind = u16_at(attributes, 0)?;
        let length = usize::from(u16_at(attributes, 2)?);
        let value = attributes.get(4..4 + length)?;
        if kind == XOR_MAPPED_ADDRESS {
            return read_address(value, transaction);
        }
        attributes = attributes.get(4 + length.next_multiple_of(4)..)?;
    }
}

fn read_address(value: &[u8], transaction: &[u8; 12]) -> Option<SocketAddr> {
    let port = u16_at(value, 2)? ^ u16::from_be_bytes([COOKIE[0], COOKIE[1]]);
    let mut ip: Vec<u8> = value.get(4..)?.to_vec();
    for (byte, mask) in ip.iter_mut().zip(mask(transaction)) {
        *byte ^= mask;
    }
    let ip: IpAddr = match value.get(1)? {
        1 => Ipv4Addr::from(<[u8; 4]>::try_from(ip).ok()?).into(),
        2 => Ipv6Addr::from(<[u8; 16]>::try_from(ip).ok()?).into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// What addresses are hidden under: the cookie, then the transaction.
fn mask(transaction: &[u8; 12]) -> impl Iterator<Item = u8> + '_ {
    COOKIE.into_iter().chain(transaction.iter().copied())
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes([pair[0], pair[1]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRANSACTION: [u8; 12] = [
        0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,
    ];

    #[test]
    fn a_request_is_read_back() {
        let parsed = parse(&request(TRANSACTION));
        let transaction = TRANSACTION;
        assert_eq!(parsed, Some(Stun::Request { transaction }));
    }

    #[test]
    fn a_response_tells_the_address_of_either_family() {
        for text in ["192.0.2.1:32853", "[2001:db8::1]:32853"] {
            let mapped = text.parse().unwrap();
            let parsed = parse(&response(TRANSACTION, mapped));
            let transaction = TRANSACTION;
            assert_eq!(
                parsed,
                Some(Stun::Response {
                    transaction,
                    mapped
                })
            );
        }
    }

    /// XOR-MAPPED-ADDRESS of RFC 5769 §2.2, behind its SOFTWARE attribute.
    #[test]
    fn the_test_vector_of_rfc_5769_is_read() {
        let mut attributes = vec![0x80, 0x22, 0, 0x0b];
        attributes.extend(b"test vector ");
        attributes.extend([0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        let bytes = message(BINDING_RESPONSE, TRANSACTION, &attributes);
        let Some(Stun::Response { mapped, .. }) = parse(&bytes) else {
            panic!("unreadable");
        };
        assert_eq!(mapped, "192.0.2.1:32853".parse().unwrap());
    }

    #[test]
    fn nothing_that_is_cut_short_or_lies_about_its_length_is_read() {
        let whole = response(TRANSACTION, "192.0.2.1:32853".parse().unwrap());
        for length in 0..whole.len() {
            assert_eq!(parse(&whole[..length]), None);
        }
        let mut lying = whole;
        lying[23] = 0xff;
        assert_eq!(parse(&lying), None);
    }
}
