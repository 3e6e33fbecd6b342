//! Answers to requests: `ack` and `error`.
//!
//! They are alike in both dialects, but for the `code` of an error.

use serde::Serialize;

use crate::{Dialect, ErrorCode, Refusal, Transaction};

/// What an `error` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorAnswer {
    /// For people, and for applications that match on it.
    pub text: String,
    /// For programs; `sylkRTC-2` only.
    pub code: ErrorCode,
}

impl From<&Refusal> for ErrorAnswer {
    fn from(refusal: &Refusal) -> Self {
        Self {
            text: refusal.to_string(),
            code: refusal.code(),
        }
    }
}

#[derive(Serialize)]
struct Ack<'a> {
    sylkrtc: &'static str,
    transaction: &'a str,
}

#[derive(Serialize)]
struct Failure<'a> {
    sylkrtc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<&'a str>,
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

/// The `ack` for a request that was carried out.
#[must_use]
pub fn encode_ack(dialect: Dialect, transaction: &Transaction) -> String {
    match dialect {
        Dialect::V1 | Dialect::V2 => to_text(&Ack {
            sylkrtc: "ack",
            transaction: transaction.as_str(),
        }),
    }
}

/// The `error` for a request that was not; without a transaction if none could be read.
#[must_use]
pub fn encode_error(
    dialect: Dialect,
    transaction: Option<&Transaction>,
    answer: &ErrorAnswer,
) -> String {
    to_text(&Failure {
        sylkrtc: "error",
        transaction: transaction.map(Transaction::as_str),
        error: &answer.text,
        code: match dialect {
            Dialect::V1 => None,
            Dialect::V2 => Some(answer.code.as_str()),
        },
    })
}

/// Writes one of our own wire shapes.
pub(crate) fn to_text(shape: &impl Serialize) -> String {
    serde_json::to_string(shape).expect("our shapes hold nothing that JSON cannot say")
}
