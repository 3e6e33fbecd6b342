//! A client's DTLS association (RFC 6347, RFC 5764), either end of it, with Chromium's timers.
//!
//! Another implementation than the gateway's, so that nothing is measured with itself. As a
//! server it asks for no cookie, as browsers do not. Comparing fingerprints is the caller's
//! business.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use dimpl::{Dtls, Output};
use media::{DtlsRole, Fingerprint};

use super::identity::Identity;
use super::srtp::{MasterKey, Profile, SrtpKeys};

const DATAGRAM: usize = 2048;

/// The handshake cannot succeed, or the peer has said goodbye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended;

/// What a handshake has given.
#[derive(Debug)]
pub(super) struct Connected {
    pub(super) keys: SrtpKeys,
    pub(super) peer: Fingerprint,
}

/// One association.
pub(super) struct Association {
    role: DtlsRole,
    dtls: Dtls,
    state: State,
    transmits: VecDeque<Bytes>,
    wake: Option<Instant>,
}

enum State {
    /// What the handshake has given so far.
    Handshaking {
        finished: bool,
        keys: Option<SrtpKeys>,
        peer: Option<Fingerprint>,
    },
    Connected,
}

impl Association {
    /// A client speaks first; a server waits.
    pub(super) fn new(identity: &Identity, role: DtlsRole, now: Instant) -> Result<Self, Ended> {
        let mut dtls = Dtls::new_12(identity.dtls(), identity.certificate(), now);
        dtls.set_active(role == DtlsRole::Client);
        let mut association = Self {
            role,
            dtls,
            state: State::Handshaking {
                finished: false,
                keys: None,
                peer: None,
            },
            transmits: VecDeque::new(),
            wake: None,
        };
        association.dtls.handle_timeout(now).map_err(|_| Ended)?;
        association.poll()?;
        Ok(association)
    }

    pub(super) fn handle_datagram(
        &mut self,
        datagram: &[u8],
        now: Instant,
    ) -> Result<Option<Connected>, Ended> {
        // It takes the time from here alone.
        self.dtls.handle_timeout(now).map_err(|_| Ended)?;
        // A broken record: the peer repeats what mattered.
        let _broken = self.dtls.handle_packet(datagram);
        self.poll()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Handshaking { .. } => self.wake,
            State::Connected => None,
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Result<(), Ended> {
        if self.wake.is_some_and(|at| now >= at) {
            self.dtls.handle_timeout(now).map_err(|_| Ended)?;
            self.poll()?;
        }
        Ok(())
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Bytes> {
        self.transmits.pop_front()
    }

    /// Says goodbye.
    pub(super) fn close(&mut self) {
        if self.dtls.close().is_ok() {
            // It is over either way.
            let _ended = self.poll();
        }
    }

    fn poll(&mut self) -> Result<Option<Connected>, Ended> {
        let mut buffer = [0; DATAGRAM];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(packet) => self.transmits.push_back(Bytes::copy_from_slice(packet)),
                Output::Timeout(at) => {
                    self.wake = Some(at);
                    break;
                }
                Output::Connected => {
                    if let State::Handshaking { finished, .. } = &mut self.state {
                        *finished = true;
                    }
                }
                Output::PeerCert(der) => {
                    if let State::Handshaking { peer, .. } = &mut self.state {
                        *peer = Some(Fingerprint::of(der));
                    }
                }
                Output::KeyingMaterial(material, profile) => {
                    let ours = srtp_keys(self.role, &material, profile).ok_or(Ended)?;
                    if let State::Handshaking { keys, .. } = &mut self.state {
                        *keys = Some(ours);
                    }
                }
                Output::CloseNotify => return Err(Ended),
                Output::ApplicationData(_) | Output::BufferTooSmall { .. } => {}
                _ => {}
            }
        }
        let State::Handshaking {
            finished: true,
            keys: keys @ Some(_),
            peer: Some(peer),
        } = &mut self.state
        else {
            return Ok(None);
        };
        let connected = keys.take().map(|keys| Connected { keys, peer: *peer });
        self.state = State::Connected;
        Ok(connected)
    }
}

fn srtp_keys(role: DtlsRole, material: &[u8], profile: dimpl::SrtpProfile) -> Option<SrtpKeys> {
    let profile = match profile {
        dimpl::SrtpProfile::AES128_CM_SHA1_80 => Profile::Aes128CmSha1_80,
        dimpl::SrtpProfile::AEAD_AES_128_GCM => Profile::AeadAes128Gcm,
        dimpl::SrtpProfile::AEAD_AES_256_GCM => Profile::AeadAes256Gcm,
        _ => return None,
    };
    let [client, server] = MasterKey::split(profile, material)?;
    let (local, remote) = match role {
        DtlsRole::Client => (client, server),
        DtlsRole::Server => (server, client),
    };
    Some(SrtpKeys {
        profile,
        local,
        remote,
    })
}
