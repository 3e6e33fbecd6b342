//! Whose turn it is: sockets that may have more to read, and how much of it connections may take.
//!
//! Nobody is served twice before all others were. Reads nothing itself:
//! [`super::sockets::Sockets`] does.

use mio::Token;

use super::sockets::WAKER;

/// Reads of all connections together in a turn: of those that ICE has validated, and of others,
/// which anybody may open and which come behind.
const CONNECTION_READS: usize = 256;
const UNPROVEN_READS: usize = 8;

/// Reads of connections that a turn has left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionReads {
    proven: usize,
    unproven: usize,
}

impl ConnectionReads {
    /// Those of a whole turn.
    pub(crate) fn new() -> Self {
        Self {
            proven: CONNECTION_READS,
            unproven: UNPROVEN_READS,
        }
    }

    /// Takes one; false if there is none.
    pub(super) fn take(&mut self, validated: bool) -> bool {
        let left = match validated {
            true => &mut self.proven,
            false => &mut self.unproven,
        };
        let taken = left.checked_sub(1);
        *left = taken.unwrap_or_default();
        taken.is_some()
    }
}

/// What became of a socket's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Served {
    /// There is nothing more to read.
    Empty,
    /// There may be more; others come first.
    More,
    /// It was not its turn.
    NotYet,
}

impl Served {
    pub(super) fn more(more: bool) -> Self {
        match more {
            true => Self::More,
            false => Self::Empty,
        }
    }
}

/// Sockets that may have more to read. Readiness comes once; it is kept until it is used up.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    tokens: Vec<Token>,
    /// Those that have been served and have more; they queue up again.
    served: Vec<Token>,
    /// So many of them are from earlier turns. Within a turn, each socket is named once.
    kept: usize,
}

impl Ready {
    pub(crate) fn mark(&mut self, token: Token) {
        if token != WAKER && !self.tokens[..self.kept].contains(&token) {
            self.tokens.push(token);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.served.is_empty()
    }

    /// Gives each socket its turn. Who has more goes behind all others.
    pub(crate) fn serve(&mut self, mut serve: impl FnMut(Token) -> Served) {
        self.kept = 0;
        let served = &mut self.served;
        self.tokens.retain(|token| match serve(*token) {
            Served::Empty => false,
            Served::More => {
                served.push(*token);
                false
            }
            Served::NotYet => true,
        });
        self.tokens.append(&mut self.served);
        self.kept = self.tokens.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_of_connections_are_bounded_over_all_of_them() {
        let mut reads = ConnectionReads::new();
        let taken = |reads: &mut ConnectionReads, validated| {
            (0..10_000).filter(|_| reads.take(validated)).count()
        };
        assert_eq!(taken(&mut reads, false), UNPROVEN_READS);
        assert_eq!(taken(&mut reads, true), CONNECTION_READS);
        assert_eq!(taken(&mut reads, false), 0);
    }

    #[test]
    fn who_has_more_queues_up_behind_those_that_had_no_turn() {
        let mut ready = Ready::default();
        for token in 1..=5 {
            ready.mark(Token(token));
        }
        let mut turns = 0;
        let mut order = Vec::new();
        for _ in 0..4 {
            turns += 2;
            ready.serve(|token| match token {
                Token(3) => Served::Empty,
                _ if turns == 0 => Served::NotYet,
                token => {
                    turns -= 1;
                    order.push(token.0);
                    Served::More
                }
            });
            turns = 0;
        }
        assert_eq!(order, [1, 2, 4, 5, 1, 2, 4, 5]);
        ready.serve(|_| Served::Empty);
        assert!(ready.is_empty());
    }
}
