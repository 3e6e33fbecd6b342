//! The client's keys on their way to the phone, those of the page's requests and those of its sound.
//!
//! Where the phone takes telephone-events, or tones, the media path sends them. Else they are SIP
//! INFO with `application/dtmf-relay`, one at a time: over UDP the next request could overtake the
//! last, and the digits would change places.
//!
//! A phone that is heard before it answers may be a voice that asks for them.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use media::dtmf::{Digit, Dtmf};
use media::plan::KeyForm;
use sip_stack::command::Command;

use super::{Action, Call, ClientState, MediaAction, Refused};

/// Of a tone, when the client does not say.
const DEFAULT_DURATION: Duration = Duration::from_millis(160);

/// How many tones may wait for the ones before them.
const MAX_WAITING: usize = 128;

/// The tones of a call that wait to be sent.
#[derive(Debug, Default)]
pub(super) struct Tones {
    waiting: VecDeque<(char, Duration)>,
    in_flight: bool,
}

impl Call {
    pub(super) fn send_tones(
        &mut self,
        tones: &str,
        duration: Option<Duration>,
    ) -> Result<(), Refused> {
        match self.client_state() {
            ClientState::EarlyMedia
            | ClientState::Accepted
            | ClientState::Established
            | ClientState::LocalUpdating
            | ClientState::RemoteUpdating => {}
            state @ (ClientState::Connecting
            | ClientState::Progress
            | ClientState::Ringing
            | ClientState::Incoming
            | ClientState::Terminated) => return Err(Refused::WrongState(state)),
        }
        let duration = duration.unwrap_or(DEFAULT_DURATION);
        match self.keys.form {
            KeyForm::Media => {
                for tone in tones.chars() {
                    self.send_by_media(tone, duration);
                }
                Ok(())
            }
            KeyForm::Info => self.send_by_info(tones, duration),
        }
    }

    /// The page has pressed a key in its sound. The media path has sent it on, unless the phone is
    /// to get it by INFO.
    pub(super) fn handle_browser_key(&mut self, digit: char, duration: Duration) {
        match self.keys.form {
            KeyForm::Media => {}
            KeyForm::Info => {
                if self.send_by_info(&digit.to_string(), duration).is_err() {
                    tracing::debug!("too many keys at a time");
                }
            }
        }
    }

    fn send_by_info(&mut self, tones: &str, duration: Duration) -> Result<(), Refused> {
        if self.tones.waiting.len() + tones.len() > MAX_WAITING {
            return Err(Refused::TooManyTones);
        }
        let tones = tones.chars().map(|tone| (tone, duration));
        self.tones.waiting.extend(tones);
        if !self.tones.in_flight {
            self.send_next_tone();
        }
        Ok(())
    }

    pub(super) fn handle_info_result(&mut self, code: u16) {
        if code >= 300 {
            tracing::info!(code, "the phone did not take a tone");
        }
        self.tones.in_flight = false;
        if self.client_state() != ClientState::Terminated {
            self.send_next_tone();
        }
    }

    /// The phone is another one: a tone on its way to the last one is not answered any more, and
    /// those that wait go to this one in the form that it takes.
    pub(super) fn tones_lost(&mut self) {
        self.tones.in_flight = false;
        match self.keys.form {
            KeyForm::Media => {
                for (tone, duration) in std::mem::take(&mut self.tones.waiting) {
                    self.send_by_media(tone, duration);
                }
            }
            KeyForm::Info => self.send_next_tone(),
        }
    }

    fn send_by_media(&mut self, tone: char, duration: Duration) {
        if let Some(digit) = Digit::from_char(tone) {
            let key = MediaAction::SendKey(Dtmf { digit, duration });
            self.actions.push_back(Action::Media(key));
        }
    }

    fn send_next_tone(&mut self) {
        let Some((tone, duration)) = self.tones.waiting.pop_front() else {
            return;
        };
        self.tones.in_flight = true;
        let body = format!("Signal={tone}\r\nDuration={}\r\n", duration.as_millis());
        self.sip(Command::Info {
            session: self.session,
            content_type: "application/dtmf-relay".to_owned(),
            body: Bytes::from(body),
        });
    }
}
