//! A text frame from a page: a request, or the error that answers it.

use crate::fields::{Fields, WrongField};
use crate::json::{self, Document, Json, Object, shortened};
use crate::limits::{MAX_DEPTH, MAX_FRAME, MAX_VALUES};
use crate::request::lookup;
use crate::{Dialect, ErrorCode, LaterRequest, Rejected, Request, Transaction, Vocabulary};

/// A request that a page has sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    /// To be repeated in the one answer.
    pub transaction: Transaction,
    /// What is asked for.
    pub request: Request,
    /// The vocabulary that the name of the request is from.
    pub names: Vocabulary,
}

impl Incoming {
    /// The vocabulary that this request settles for events, if it is the first one of its connection to do so.
    ///
    /// Requests about accounts settle it; all others are silent about it.
    #[must_use]
    pub fn decides_vocabulary(&self) -> Option<Vocabulary> {
        match &self.request {
            Request::AccountAdd(_)
            | Request::AccountRemove { .. }
            | Request::AccountRegister { .. }
            | Request::AccountUnregister { .. }
            | Request::Later(LaterRequest::AccountDevicetoken) => Some(self.names),
            Request::Ping
            | Request::SessionCreate(_)
            | Request::SessionAnswer(_)
            | Request::SessionTrickle(_)
            | Request::SessionTerminate(_)
            | Request::SessionDtmfInfo(_)
            | Request::SessionUpdate(_)
            | Request::SessionMessage(_)
            | Request::SessionRing { .. }
            | Request::SessionHold { .. }
            | Request::SessionTransfer(_)
            | Request::SessionQuality { .. }
            | Request::Later(_) => None,
        }
    }
}

/// Reads a text frame.
///
/// # Errors
///
/// [`Rejected`] for everything that is not a valid request of the dialect. It carries the
/// transaction if one was readable, and is to be sent back with
/// [`encode_error`](crate::encode_error).
pub fn decode(dialect: Dialect, text: &str) -> Result<Incoming, Rejected> {
    if text.len() > MAX_FRAME {
        let text = format!("Message too large (at most {MAX_FRAME} bytes)");
        return Err(fatal(None, ErrorCode::TooLarge, text));
    }
    let document = json::read(text).map_err(|error| {
        let text = format!("Not a JSON text: {error}");
        rejected(None, ErrorCode::NotJson, text)
    })?;
    let (object, transaction) = envelope(document)?;
    request(dialect, &object, transaction.as_ref())
}

/// The object, and its transaction if there is one.
fn envelope(document: Document) -> Result<(Object, Option<Transaction>), Rejected> {
    let Json::Object(object) = document.root else {
        let text = "Not a JSON object".to_owned();
        return Err(match document.exceeds_limits {
            true => fatal(None, ErrorCode::TooDeep, too_deep()),
            false => rejected(None, ErrorCode::NotAnObject, text),
        });
    };
    let transaction = match object.get("transaction") {
        Some(Json::String(text)) if !document.duplicate_transaction => Transaction::new(text),
        Some(_) | None => None,
    };
    if document.exceeds_limits {
        return Err(fatal(transaction, ErrorCode::TooDeep, too_deep()));
    }
    if let Some(key) = document.duplicate_key {
        let text = format!("Key '{}' given twice", shortened(&key));
        return Err(rejected(transaction, ErrorCode::DuplicateKey, text));
    }
    Ok((object, transaction))
}

fn request(
    dialect: Dialect,
    object: &Object,
    transaction: Option<&Transaction>,
) -> Result<Incoming, Rejected> {
    let reject = |WrongField { code, text }| rejected(transaction.cloned(), code, text);

    let name = match object.get("sylkrtc") {
        Some(Json::String(name)) => name,
        Some(value) => {
            let text = format!("Invalid value for 'sylkrtc' property: {value}");
            return Err(rejected(
                transaction.cloned(),
                ErrorCode::InvalidField,
                text,
            ));
        }
        None => {
            let text = "Mandatory property 'sylkrtc' is missing".to_owned();
            return Err(rejected(
                transaction.cloned(),
                ErrorCode::MissingField,
                text,
            ));
        }
    };
    let known = lookup(dialect, name).map_err(|unknown| {
        let name = shortened(name);
        let text = match unknown.spoken_in {
            Some(other) => format!(
                "Unknown request: {name} (it belongs to {})",
                other.subprotocol()
            ),
            None => format!("Unknown request: {name}"),
        };
        rejected(transaction.cloned(), ErrorCode::UnknownRequest, text)
    })?;
    let fields = Fields::new(object, known.class);
    Ok(Incoming {
        transaction: fields.transaction().map_err(reject)?,
        request: known.read(&fields).map_err(reject)?,
        names: known.names,
    })
}

fn too_deep() -> String {
    format!("Message too complex (at most {MAX_DEPTH} levels and {MAX_VALUES} values)")
}

fn rejected(transaction: Option<Transaction>, code: ErrorCode, text: String) -> Rejected {
    Rejected {
        transaction,
        code,
        text,
        fatal: false,
    }
}

fn fatal(transaction: Option<Transaction>, code: ErrorCode, text: String) -> Rejected {
    Rejected {
        fatal: true,
        ..rejected(transaction, code, text)
    }
}
