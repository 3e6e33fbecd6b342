//! What the fuzz targets run, and the replay of their corpora in the ordinary tests.

use crate::{Dialect, Incoming, decode, encode_ack, encode_error};

/// Decodes whatever the bytes are and checks that an answer to it can be written and read.
///
/// # Panics
///
/// If one of the laws that hold for every input does not.
pub fn decode_and_answer(dialect: Dialect, bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (answer, transaction) = match decode(dialect, text) {
        Ok(Incoming { transaction, .. }) => (encode_ack(dialect, &transaction), Some(transaction)),
        Err(rejected) => {
            assert!(!rejected.text.is_empty());
            let answer = encode_error(dialect, rejected.transaction.as_ref(), &rejected.answer());
            (answer, rejected.transaction)
        }
    };
    let answer: serde_json::Value = serde_json::from_str(&answer).expect("an answer is JSON");
    let repeated = answer
        .get("transaction")
        .and_then(serde_json::Value::as_str);
    assert_eq!(
        repeated,
        transaction.as_ref().map(crate::Transaction::as_str)
    );
}
