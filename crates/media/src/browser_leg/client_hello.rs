//! Looks into a DTLS ClientHello before the handshake begins (RFC 6347 §4.2, RFC 5764 §4.1.1).
//!
//! Only to learn which SRTP profiles the browser offers. A browser's hello comes in two
//! datagrams as a rule, in any order, one of them lost at times; fragments are put together
//! here without a view on anything else. Bounded, and it never fails: it may merely not know.

/// Longest hello looked at; Chromium's is 1.5 kB.
pub(super) const MAX_HELLO: usize = 8192;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const USE_SRTP: u16 = 14;

/// A hello being put together.
#[derive(Debug, Default)]
pub(crate) struct HelloAssembler {
    body: Vec<u8>,
    present: Vec<bool>,
}

impl HelloAssembler {
    /// Takes the fragments in a datagram.
    pub(crate) fn handle_datagram(&mut self, datagram: &[u8]) {
        let mut rest = datagram;
        while let Some((record, behind)) = split_record(rest) {
            rest = behind;
            let mut fragments = record;
            while let Some((fragment, behind)) = split_fragment(fragments) {
                fragments = behind;
                self.insert(&fragment);
            }
        }
    }

    /// Bytes of the hello, whether they have come or not.
    pub(super) fn length(&self) -> usize {
        self.body.len()
    }

    fn insert(&mut self, fragment: &Fragment<'_>) {
        if fragment.length > MAX_HELLO {
            return;
        }
        if self.body.len() != fragment.length {
            self.body = vec![0; fragment.length];
            self.present = vec![false; fragment.length];
        }
        let place = fragment.offset..fragment.offset + fragment.bytes.len();
        if let Some(body) = self.body.get_mut(place.clone()) {
            body.copy_from_slice(fragment.bytes);
            self.present[place].fill(true);
        }
    }

    /// Whether the complete hello offers this SRTP profile; `None` while pieces are missing.
    pub(crate) fn offers_srtp(&self, profile: u16) -> Option<bool> {
        let complete = !self.body.is_empty() && self.present.iter().all(|present| *present);
        complete.then(|| srtp_profiles(&self.body).is_some_and(|offer| offer.contains(&profile)))
    }
}

struct Fragment<'a> {
    length: usize,
    offset: usize,
    bytes: &'a [u8],
}

/// The first record's content, if it is an unencrypted handshake record, and what follows it.
fn split_record(datagram: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, rest) = datagram.split_at_checked(13)?;
    let length = usize::from(u16::from_be_bytes([header[11], header[12]]));
    let (content, behind) = rest.split_at_checked(length)?;
    let plain_handshake = header[0] == HANDSHAKE && header[3..5] == [0, 0];
    Some((if plain_handshake { content } else { &[] }, behind))
}

fn split_fragment(content: &[u8]) -> Option<(Fragment<'_>, &[u8])> {
    let (header, rest) = content.split_at_checked(12)?;
    let u24 = |at: usize| {
        usize::from(header[at]) << 16
            | usize::from(header[at + 1]) << 8
            | usize::from(header[at + 2])
    };
    let (bytes, behind) = rest.split_at_checked(u24(9))?;
    let fragment = Fragment {
        length: u24(1),
        offset: u24(6),
        bytes,
    };
    (header[0] == CLIENT_HELLO).then_some((fragment, behind))
}

/// The profiles in the hello's use_srtp extension.
fn srtp_profiles(hello: &[u8]) -> Option<Vec<u16>> {
    let rest = hello.get(2 + 32..)?;
    let (_session, rest) = split_u8_vector(rest)?;
    let (_cookie, rest) = split_u8_vector(rest)?;
    let (_suites, rest) = split_u16_vector(rest)?;
    let (_compression, rest) = split_u8_vector(rest)?;
    let (mut extensions, _) = split_u16_vector(rest)?;
    loop {
        let (kind, rest) = extensions.split_at_checked(2)?;
        let (value, behind) = split_u16_vector(rest)?;
        extensions = behind;
        if kind == USE_SRTP.to_be_bytes() {
            let (profiles, _mki) = split_u16_vector(value)?;
            let profiles = profiles.chunks_exact(2);
            return Some(profiles.map(|p| u16::from_be_bytes([p[0], p[1]])).collect());
        }
    }
}

fn split_u8_vector(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

fn split_u16_vector(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(2)?;
    rest.split_at_checked(usize::from(u16::from_be_bytes([length[0], length[1]])))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GCM: u16 = 7;

    fn hello(profiles: &[u16]) -> Vec<u8> {
        let mut body = vec![0xfe, 0xfd];
        body.extend([9; 32]);
        body.extend([0, 0, 0, 2, 0xc0, 0x2b, 1, 0]);
        let list: Vec<u8> = profiles.iter().flat_map(|p| p.to_be_bytes()).collect();
        let mut extensions = vec![0, 23, 0, 0, 0, 14];
        extensions.extend((list.len() as u16 + 3).to_be_bytes());
        extensions.extend((list.len() as u16).to_be_bytes());
        extensions.extend(&list);
        extensions.push(0);
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        body
    }

    fn datagram(body: &[u8], part: std::ops::Range<usize>) -> Vec<u8> {
        let u24 = |n: usize| (n as u32).to_be_bytes()[1..].to_vec();
        let mut fragment = vec![CLIENT_HELLO];
        fragment.extend(u24(body.len()));
        fragment.extend([0, 0]);
        fragment.extend(u24(part.start));
        fragment.extend(u24(part.len()));
        fragment.extend(&body[part]);
        let mut record = vec![HANDSHAKE, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0];
        record.extend((fragment.len() as u16).to_be_bytes());
        record.extend(fragment);
        record
    }

    #[test]
    fn a_split_hello_is_put_together_in_any_order() {
        let body = hello(&[1, GCM]);
        let mut assembler = HelloAssembler::default();
        assembler.handle_datagram(&datagram(&body, 20..body.len()));
        assert_eq!(assembler.offers_srtp(GCM), None);
        assembler.handle_datagram(&datagram(&body, 20..body.len()));
        assert_eq!(assembler.offers_srtp(GCM), None);
        assembler.handle_datagram(&datagram(&body, 0..20));
        assert_eq!(assembler.offers_srtp(GCM), Some(true));
    }

    #[test]
    fn a_hello_without_the_profile_says_no() {
        let body = hello(&[1]);
        let mut assembler = HelloAssembler::default();
        assembler.handle_datagram(&datagram(&body, 0..body.len()));
        assert_eq!(assembler.offers_srtp(GCM), Some(false));
    }

    #[test]
    fn garbage_is_not_a_hello() {
        let mut assembler = HelloAssembler::default();
        for garbage in [
            &[22][..],
            &[22, 254, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1],
            &[0; 40],
            &datagram(&[1, 2, 3], 0..3),
        ] {
            assembler.handle_datagram(garbage);
            assert_ne!(assembler.offers_srtp(GCM), Some(true));
        }
    }
}
