//! What becomes of a frame that is not a valid request.

use std::fmt;

use crate::{ErrorAnswer, ErrorCode, Transaction};

/// A text frame that could not be decoded, ready to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The transaction, if it could be read in spite of everything.
    pub transaction: Option<Transaction>,
    /// What is wrong, for programs.
    pub code: ErrorCode,
    /// What is wrong, for people. Holds no credentials.
    pub text: String,
    /// Whether the connection is to be closed after the answer.
    pub fatal: bool,
}

impl Rejected {
    /// The answer to send, with [`encode_error`](crate::encode_error).
    #[must_use]
    pub fn answer(&self) -> ErrorAnswer {
        ErrorAnswer {
            text: self.text.clone(),
            code: self.code,
        }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Rejected {}
