//! What is read from a connection, taken apart into frames while others may be served.

use std::io::{self, Read};

use super::Connections;
use crate::browser_leg::{BrowserAddr, Via};
use crate::worker::addresses::Standing;
use crate::worker::framing::{Deframer, Wanted};

/// What came of reading.
pub(in crate::worker) enum ReadOutcome {
    Bytes {
        length: usize,
        reading: Reading,
    },
    /// It is worth another try.
    Again,
    Nothing,
}

/// A connection's reading side, taken out of it while its frames are served.
pub(in crate::worker) struct Reading {
    from: BrowserAddr,
    validated: bool,
    deframer: Deframer,
}

impl Reading {
    /// Gives out the frames that are complete. Who is nobody's on his first frame, or sends what
    /// is no frame, is not wanted any more.
    pub(in crate::worker) fn handle_bytes(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(&[u8], BrowserAddr) -> Standing,
    ) -> Wanted {
        let Self {
            from,
            validated,
            deframer,
        } = self;
        let outcome = deframer.handle_bytes(bytes, |frame| {
            if frame.is_empty() {
                return Wanted::More;
            }
            match take(frame, *from) {
                Standing::Validated => *validated = true,
                Standing::Named => {}
                Standing::Stranger if *validated => {}
                Standing::Stranger => return Wanted::Nothing,
            }
            Wanted::More
        });
        outcome.unwrap_or(Wanted::Nothing)
    }
}

impl Connections {
    /// Reads what has come on a connection. What is read is given back by [`Self::finish`].
    pub(in crate::worker) fn read(&mut self, slot: usize, buffer: &mut [u8]) -> ReadOutcome {
        let Some(connection) = self.open.get_mut(slot) else {
            return ReadOutcome::Nothing;
        };
        let from = connection.address(slot);
        match connection.stream.read(buffer) {
            Ok(length) if length > 0 => ReadOutcome::Bytes {
                length,
                reading: Reading {
                    from,
                    validated: connection.validated,
                    deframer: std::mem::take(&mut connection.deframer),
                },
            },
            Err(error) if error.kind() == io::ErrorKind::Interrupted => ReadOutcome::Again,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => ReadOutcome::Nothing,
            Ok(_) | Err(_) => {
                self.lose(from);
                ReadOutcome::Nothing
            }
        }
    }

    /// What was read has been served; `wanted` says whether the connection is still good.
    /// Returns whether it may have more.
    pub(in crate::worker) fn finish(&mut self, reading: Reading, wanted: Wanted) -> bool {
        let Via::Tcp(id) = reading.from.via else {
            return false;
        };
        let found = self.open.get_mut(id.slot as usize);
        // It may have been closed meanwhile, and its place taken.
        let Some(connection) = found.filter(|connection| connection.serial == id.serial) else {
            return false;
        };
        connection.deframer = reading.deframer;
        connection.validated = reading.validated;
        match wanted {
            Wanted::More => true,
            Wanted::Nothing => {
                self.lose(reading.from);
                false
            }
        }
    }
}
