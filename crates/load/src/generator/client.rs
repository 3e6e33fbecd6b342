//! One client: a transport, a stream that leaves every 20 ms, and the account of what returns.

use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use media::rtp::Header;
use mio::net::UdpSocket;
use tokio::sync::oneshot;

use super::camera::{Camera, FRAME_PACKETS, VIDEO_PT};
use super::source::{INTERVAL, Source};
use super::{FirstReturn, Line};
use crate::browser::{Failure, Received};
use crate::histogram::Histogram;
use crate::stamp::Stamp;
use crate::tally::Tally;

/// The generator's own account: how well it kept its times.
#[derive(Clone, Debug, Default)]
pub struct Punctuality {
    /// How long after its time each packet left.
    pub lateness: Histogram,
    /// Datagrams the system would not take.
    pub not_sent: u64,
}

/// A client on the generator's thread.
pub(super) struct Client {
    pub(super) call: u32,
    pub(super) socket: UdpSocket,
    pub(super) tally: Tally,
    pub(super) failure: Option<Failure>,
    pub(super) camera: Option<Camera>,
    line: Line,
    source: Source,
    /// When the next packet leaves; none before the transport is up.
    next_packet: Option<Instant>,
    first_return: Option<oneshot::Sender<FirstReturn>>,
}

impl Client {
    pub(super) fn new(
        call: u32,
        socket: UdpSocket,
        line: Line,
        (source, camera): (Source, Option<Camera>),
        first_return: oneshot::Sender<FirstReturn>,
        now: Instant,
    ) -> Self {
        let next_packet = match line {
            Line::Browser(_) => None,
            Line::Plain => Some(now),
        };
        Self {
            call,
            socket,
            tally: Tally::default(),
            failure: None,
            camera,
            line,
            source,
            next_packet,
            first_return: Some(first_return),
        }
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let transport = match &self.line {
            Line::Browser(transport) => transport.poll_timeout(),
            Line::Plain => None,
        };
        let frame = self.camera.as_ref().and_then(|camera| camera.next_frame);
        [transport, self.next_packet, frame]
            .into_iter()
            .flatten()
            .min()
    }

    pub(super) fn handle_timeout(&mut self, turn: &mut Turn<'_>) {
        if let Line::Browser(transport) = &mut self.line {
            if transport.poll_timeout().is_some_and(|at| at <= turn.now)
                && let Err(failure) = transport.handle_timeout(turn.now)
            {
                self.fail(failure);
            }
            self.flush(turn);
        }
        while let Some(due) = self.next_packet
            && due <= turn.now
        {
            turn.punctuality.lateness.record(turn.now - due);
            self.next_packet = Some(due + INTERVAL);
            self.send_packet(turn);
        }
        while let Some(due) = self
            .camera
            .as_mut()
            .and_then(|camera| camera.poll_frame(turn.now))
        {
            turn.punctuality.lateness.record(turn.now - due);
            self.send_frame(turn);
        }
    }

    /// Reads all that has come.
    pub(super) fn handle_readable(&mut self, turn: &mut Turn<'_>) {
        let mut buffer = std::mem::take(turn.buffer);
        loop {
            match self.socket.recv(&mut buffer) {
                Ok(length) => {
                    turn.now = turn.clock.now();
                    self.handle_datagram(&buffer[..length], turn);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // An ICMP error of an earlier datagram: told once, and gone.
                Err(_) => {}
            }
        }
        *turn.buffer = buffer;
        self.flush(turn);
    }

    fn handle_datagram(&mut self, datagram: &[u8], turn: &mut Turn<'_>) {
        let since_start = turn.clock.since_start(turn.now);
        let transport = match &mut self.line {
            Line::Plain => return self.take_rtp(datagram, since_start, turn.now),
            Line::Browser(transport) => transport,
        };
        match transport.handle_datagram(datagram, turn.now) {
            Ok(Received::Nothing | Received::Rtcp(_)) => {}
            Ok(Received::Connected) => self.begin(turn.now),
            Ok(Received::Rtp(packet)) => self.take_rtp(&packet, since_start, turn.now),
            Ok(Received::Unopened) => self.tally.handle_damaged(),
            Err(failure) => self.fail(failure),
        }
    }

    fn begin(&mut self, now: Instant) {
        self.next_packet = Some(now);
        if let Some(camera) = &mut self.camera {
            camera.next_frame = Some(now);
        }
    }

    fn take_rtp(&mut self, packet: &[u8], since_start: Duration, now: Instant) {
        if let Some(camera) = &mut self.camera
            && let Ok(header) = Header::parse(packet)
            && header.payload_type.number() == VIDEO_PT
        {
            return camera.take(self.call, &packet[header.payload], since_start);
        }
        if self.source.speaks() {
            self.tally.handle_unnumbered();
            return self.tell_first_return(now);
        }
        let stamp = Header::parse(packet)
            .ok()
            .and_then(|header| Stamp::read(&packet[header.payload]))
            .filter(|stamp| stamp.call == self.call);
        let Some(stamp) = stamp else {
            self.tally.handle_damaged();
            return;
        };
        self.tally.handle_return(&stamp, since_start);
        self.tell_first_return(now);
    }

    fn tell_first_return(&mut self, now: Instant) {
        if let Some(waiting) = self.first_return.take() {
            // Nobody waits any more.
            let _gone = waiting.send(Ok(now));
        }
    }

    fn send_packet(&mut self, turn: &mut Turn<'_>) {
        let Some(number) = self.tally.handle_send() else {
            return;
        };
        let sent = turn.clock.since_start(turn.clock.now());
        let stamp = Stamp {
            call: self.call,
            number,
            sent,
        };
        self.source.write_packet(&stamp, turn.packet);
        send_rtp(&mut self.line, &self.socket, turn);
        let report = self.source.report(turn.now, sent);
        if let Line::Browser(transport) = &mut self.line
            && let Some(sealed) = report.and_then(|report| transport.seal_rtcp(&report))
        {
            send(&self.socket, &sealed, turn.punctuality);
        }
    }

    fn send_frame(&mut self, turn: &mut Turn<'_>) {
        let Some(camera) = &mut self.camera else {
            return;
        };
        for at in 0..FRAME_PACKETS {
            let Some(number) = camera.tally.handle_send() else {
                return;
            };
            let stamp = Stamp {
                call: self.call,
                number,
                sent: turn.clock.since_start(turn.clock.now()),
            };
            camera.write_packet(at, &stamp, turn.packet);
            send_rtp(&mut self.line, &self.socket, turn);
        }
    }

    fn flush(&mut self, turn: &mut Turn<'_>) {
        let transmits: Vec<Bytes> = match &mut self.line {
            Line::Browser(transport) => transport.take_transmits(),
            Line::Plain => Vec::new(),
        };
        for datagram in transmits {
            send(&self.socket, &datagram, turn.punctuality);
        }
    }

    fn fall_silent(&mut self) {
        self.next_packet = None;
        if let Some(camera) = &mut self.camera {
            camera.next_frame = None;
        }
    }

    fn fail(&mut self, failure: Failure) {
        self.fall_silent();
        self.failure.get_or_insert(failure);
        if let Some(waiting) = self.first_return.take() {
            // Nobody waits any more.
            let _gone = waiting.send(Err(failure));
        }
    }

    pub(super) fn close(&mut self, turn: &mut Turn<'_>) {
        self.fall_silent();
        if let Line::Browser(transport) = &mut self.line {
            transport.close();
        }
        self.flush(turn);
    }
}

/// What one turn of the loop lends to a client.
pub(super) struct Turn<'a> {
    pub(super) now: Instant,
    pub(super) clock: super::Clock,
    pub(super) punctuality: &'a mut Punctuality,
    pub(super) buffer: &'a mut Vec<u8>,
    pub(super) packet: &'a mut Vec<u8>,
}

/// Sends the packet that has been written, as the line wants it.
fn send_rtp(line: &mut Line, socket: &UdpSocket, turn: &mut Turn<'_>) {
    match line {
        Line::Plain => send(socket, turn.packet, turn.punctuality),
        Line::Browser(transport) => match transport.seal(turn.packet) {
            Some(sealed) => send(socket, &sealed, turn.punctuality),
            None => turn.punctuality.not_sent += 1,
        },
    }
}

fn send(socket: &UdpSocket, datagram: &[u8], punctuality: &mut Punctuality) {
    if socket.send(datagram).is_err() {
        punctuality.not_sent += 1;
    }
}
