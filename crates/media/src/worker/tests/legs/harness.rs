//! A browser and a phone in a call, on virtual time.

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::browser_leg::{BrowserAddr, Credentials};
use crate::endpoints::{BrowserLocal, DtlsRole, Ssrc};
use crate::event::{LegEvent, LegStats};
use crate::simulate::{BROWSER_SSRC, CheckKind, SimBrowser, beginning, rtp_packet};
use crate::worker::egress::{Channel, Egress};
use crate::worker::legs::{LegKey, Legs};
use crate::worker::mailbox::{BrowserOpening, Command, LegId};
use crate::worker::tests::fixture::{self, Worker};
use crate::worker::tests::pcmu;

pub(super) use crate::worker::tests::fixture::phone_remote;

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const PHONE_SSRC: Ssrc = Ssrc(0x0001_0203);
pub(super) const BROWSER: LegId = LegId(1);
pub(super) const PHONE: LegId = LegId(2);

pub(super) struct Call {
    pub(super) legs: Legs,
    pub(super) sockets: Record,
    pub(super) browser: SimBrowser,
    pub(super) local: BrowserLocal,
    pub(super) phone_key: usize,
    pub(super) phone_ssrc: Ssrc,
    pub(super) address: BrowserAddr,
    pub(super) browser_told: Receiver<LegEvent>,
    pub(super) phone_told: Receiver<LegEvent>,
    pub(super) browser_heard: Vec<LegEvent>,
    pub(super) phone_heard: Vec<LegEvent>,
    pub(super) sequence: u16,
    pub(super) last_check: Instant,
    pub(super) now: Instant,
}

impl Call {
    pub(super) fn connected() -> Self {
        let now = beginning();
        let mut worker = Worker::new(now);
        let (tell, browser_told) = channel();
        let local = worker.open_browser(BROWSER, move |event| drop(tell.send(event)), now);
        let legs = worker.legs;
        let (_, nobody) = channel();
        let mut call = Self {
            legs,
            sockets: Record::default(),
            browser: SimBrowser::new(DtlsRole::Client, now),
            local,
            phone_key: 0,
            phone_ssrc: PHONE_SSRC,
            address: BrowserAddr::udp("192.0.2.1:4000".parse().expect("address")),
            browser_told,
            phone_told: nobody,
            browser_heard: Vec::new(),
            phone_heard: Vec::new(),
            sequence: 0,
            last_check: now,
            now,
        };
        call.phone_key = call.open_phone(PHONE);
        let remote = Box::new(call.browser.description());
        call.command(Command::SetBrowserRemote(BROWSER, remote));
        call.command(Command::SetPhoneRemote(PHONE, Some(phone_remote())));
        call.bridge(pcmu());
        call.check();
        let deadline = now + 5 * SECOND;
        while !call.browser.is_connected() {
            assert!(call.now < deadline, "no connection");
            call.advance(SECOND / 100);
            call.browser.handle_timeout(call.now);
            call.pass();
        }
        assert_eq!(
            call.browser_events(),
            [LegEvent::IceValidated, LegEvent::Connected]
        );
        call
    }

    pub(super) fn open_phone(&mut self, id: LegId) -> usize {
        let (tell, told) = channel();
        self.phone_told = told;
        let tell = move |event| drop(tell.send(event));
        fixture::open_phone(&mut self.legs, id, tell, self.now)
    }

    pub(super) fn command(&mut self, command: Command) {
        self.legs
            .handle_command(command, self.now, &mut self.sockets);
        self.pass();
    }

    pub(super) fn command_close(&mut self, id: LegId) {
        self.legs.close(id, self.now, &mut self.sockets);
    }

    pub(super) fn bridge(&mut self, relay: crate::relay::Relay) {
        self.command(Command::Bridge {
            browser: BROWSER,
            phone: PHONE,
            relay: Box::new(relay),
        });
    }

    pub(super) fn receive(&mut self, datagram: &[u8]) {
        let (from, now) = (self.address, self.now);
        self.legs
            .handle_browser_datagram(datagram, from, now, &mut self.sockets);
        self.pass();
    }

    pub(super) fn phone_says(&mut self, sequence: u16) {
        let mut packet = voice(self.phone_ssrc, sequence);
        let from = phone_remote().rtp;
        self.legs.handle_phone_datagram(
            self.phone_key,
            Channel::Rtp,
            &mut packet,
            from,
            self.now,
            &mut self.sockets,
        );
        self.pass();
    }

    pub(super) fn phone_reports(&mut self) {
        let mut report = [0x80, 201, 0, 1, 0, 1, 2, 3];
        let from = phone_remote().rtcp.expect("given");
        self.legs.handle_phone_datagram(
            self.phone_key,
            Channel::Rtcp,
            &mut report,
            from,
            self.now,
            &mut self.sockets,
        );
        self.pass();
    }

    /// 20 ms of conversation.
    pub(super) fn talk(&mut self) {
        self.browser_says();
        self.phone_says(self.sequence);
    }

    /// 20 ms of monologue.
    pub(super) fn browser_says(&mut self) {
        self.advance(SECOND / 50);
        if self.now >= self.last_check + 5 * SECOND {
            self.check();
        }
        self.sequence = self.sequence.wrapping_add(1);
        let sealed = self.browser.seal_rtp(&voice(BROWSER_SSRC, self.sequence));
        self.receive(&sealed);
    }

    /// Somebody else's leg on the same worker.
    pub(super) fn open_another(&mut self) -> (SimBrowser, BrowserLocal) {
        self.open_another_as(LegId(66))
    }

    pub(super) fn open_another_as(&mut self, id: LegId) -> (SimBrowser, BrowserLocal) {
        let credentials = Credentials::random(&mut StdRng::from_seed([id.0 as u8; 32]));
        let local = BrowserLocal {
            ufrag: credentials.ufrag.to_string(),
            pwd: credentials.pwd.clone(),
            ..self.local.clone()
        };
        let opening = BrowserOpening {
            credentials,
            role: DtlsRole::Server,
            ssrc: Ssrc(0x6666),
            cname: "another".to_owned(),
            on_event: Box::new(|_| {}),
        };
        self.legs.open_browser(id, opening, self.now);
        (SimBrowser::new(DtlsRole::Client, self.now), local)
    }

    pub(super) fn check(&mut self) {
        self.last_check = self.now;
        let check = self.browser.check(&self.local, CheckKind::Nominating);
        self.receive(&check);
    }

    pub(super) fn check_every_five_seconds(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.advance((5 * SECOND).min(end - self.now));
            self.check();
        }
    }

    /// Lets time pass, with every timer on the way.
    pub(super) fn advance(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.legs.poll_timeout().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.legs.handle_timeout(self.now, &mut self.sockets);
        }
        self.now = end;
        self.pass();
    }

    /// Gives the browser what was sent to it, and takes what it answers.
    pub(super) fn pass(&mut self) {
        loop {
            let mut idle = true;
            for (to, datagram) in std::mem::take(&mut self.sockets.to_browser) {
                assert_eq!(to, self.address);
                self.browser.handle_datagram(&datagram, self.now);
                idle = false;
            }
            while let Some(datagram) = self.browser.poll_transmit() {
                let (from, now) = (self.address, self.now);
                self.legs
                    .handle_browser_datagram(&datagram, from, now, &mut self.sockets);
                idle = false;
            }
            if idle {
                break;
            }
        }
        self.browser_heard.extend(self.browser_told.try_iter());
        self.phone_heard.extend(self.phone_told.try_iter());
    }

    pub(super) fn browser_events(&self) -> &[LegEvent] {
        &self.browser_heard
    }

    /// How often the browser leg and the phone leg said that media has stopped.
    pub(super) fn stopped(&self) -> (usize, usize) {
        let count = |events: &[LegEvent]| {
            let stopped = |event: &&LegEvent| matches!(event, LegEvent::MediaStopped { .. });
            events.iter().filter(stopped).count()
        };
        (count(&self.browser_heard), count(&self.phone_heard))
    }

    pub(super) fn stats(&mut self, id: LegId) -> LegStats {
        let (tell, told) = channel();
        let reply = Box::new(move |stats| tell.send(stats).expect("heard"));
        self.command(Command::Snapshot(id, reply));
        told.recv().expect("a snapshot")
    }

    pub(super) fn sent_to_phone(&self, channel: Channel) -> Vec<Vec<u8>> {
        let sent = self.sockets.sent.iter();
        sent.filter(|(at, _)| *at == channel)
            .map(|(_, datagram)| datagram.clone())
            .collect()
    }

    pub(super) fn close_both(&mut self) {
        let closed = self.legs.close(BROWSER, self.now, &mut self.sockets);
        assert!(matches!(closed, Some(LegKey::Browser(_))));
        let closed = self.legs.close(PHONE, self.now, &mut self.sockets);
        assert_eq!(closed, Some(LegKey::Phone(self.phone_key)));
    }
}

#[derive(Default)]
pub(super) struct Record {
    pub(super) to_browser: Vec<(BrowserAddr, Vec<u8>)>,
    pub(super) sent: Vec<(Channel, Vec<u8>)>,
}

impl Egress for Record {
    fn to_browser(&mut self, to: BrowserAddr, datagram: &[u8]) -> bool {
        self.to_browser.push((to, datagram.to_vec()));
        true
    }

    fn to_phone(&mut self, _: usize, channel: Channel, to: SocketAddr, datagram: &[u8]) -> bool {
        let expected = match channel {
            Channel::Rtp => phone_remote().rtp,
            Channel::Rtcp => phone_remote().rtcp.expect("given"),
        };
        assert_eq!(to, expected);
        self.sent.push((channel, datagram.to_vec()));
        true
    }
}

pub(super) fn voice(ssrc: Ssrc, sequence: u16) -> Vec<u8> {
    rtp_packet(0, sequence, ssrc, &[0x55; 160])
}
