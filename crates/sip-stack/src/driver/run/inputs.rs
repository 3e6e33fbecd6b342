//! What has come in, handed to the core piece by piece.

use super::Driver;
use crate::driver::core::Core;
use crate::driver::input::Input;
use crate::driver::now;
use crate::transport::TransmitFailure;

/// What is taken from readers before anything else has its turn.
const MAX_INPUTS_PER_TURN: usize = 32;

impl<C: Core> Driver<C> {
    /// Handles one input, and some more if they are there, but not so many that commands
    /// and timers would wait for long.
    pub(super) fn handle_inputs(&mut self, first: Input) {
        let mut next = Some(first);
        for _ in 0..MAX_INPUTS_PER_TURN {
            let Some(input) = next else {
                return;
            };
            let began = now();
            self.handle_input(input);
            self.drain();
            let took = now().saturating_duration_since(began);
            self.totals.longest_turn = self.totals.longest_turn.max(took);
            if !self.backlog.is_empty() {
                return;
            }
            next = self.inputs.try_recv().ok();
        }
        if let Some(input) = next {
            self.handle_input(input);
        }
    }

    fn handle_input(&mut self, input: Input) {
        match input {
            Input::Message { message, source } => {
                self.totals.received += 1;
                self.flows.note_known(source.flow);
                self.core.handle_message(*message, source, now());
            }
            Input::Malformed { error, source } => {
                self.totals.malformed += 1;
                tracing::debug!(remote = %source.remote, %error, "malformed message");
                self.core.handle_malformed(&error, source, now());
            }
            Input::Accepted {
                transport,
                stream,
                acceptor,
            } => self
                .flows
                .accept(transport, stream, acceptor, &mut self.carriers),
            Input::FlowClosed {
                flow,
                unanswered,
                why,
            } => {
                self.flows.remove(flow);
                for token in unanswered {
                    let failure = TransmitFailure { token, why };
                    self.core.handle_transport_failure(failure, now());
                }
                self.core.handle_flow_closed(flow, now());
            }
            Input::Mapped {
                source,
                transaction,
                mapped,
            } => {
                let from = (source.flow, source.remote);
                let failed = self.keeping.handle_answer(from, transaction, mapped, now());
                if let Some(way) = failed {
                    self.lose_way(&way);
                }
            }
            Input::Resolved { target, result } => {
                let result = self.resolver.note(&target, result);
                for id in self.resolver.take_askers(&target) {
                    let drawn = match &result {
                        Ok(answers) => self.resolver.draw(&target, answers),
                        Err(why) => Err(*why),
                    };
                    self.core.handle_resolved(id, drawn, now());
                }
            }
        }
    }
}
