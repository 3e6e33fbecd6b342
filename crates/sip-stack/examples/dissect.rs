//! Shows what the message layer reads in a file that holds one datagram.
//!
//! `dissect FILE` prints one flat JSON object of strings and exits with 0; for a message
//! that is not valid SIP it says why on standard error and exits with 1. A field that is
//! absent or cannot be read is left out.

#[path = "dissect/fields.rs"]
mod fields;

use std::io::Write;
use std::process::ExitCode;

use sip_stack::message::Message;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(path), None) = (arguments.next(), arguments.next()) else {
        return complain("usage: dissect FILE");
    };
    let datagram = match std::fs::read(&path) {
        Ok(datagram) => datagram,
        Err(error) => return complain(&format!("{}: {error}", path.display())),
    };
    let message = match Message::parse_syntax(&datagram) {
        Ok(message) => message,
        Err(error) => return complain(&error.to_string()),
    };
    let object: serde_json::Map<String, serde_json::Value> = fields::of(&message)
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    match writeln!(std::io::stdout(), "{}", serde_json::Value::Object(object)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn complain(text: &str) -> ExitCode {
    // There is nobody left to tell if standard error is gone.
    let _ = writeln!(std::io::stderr(), "{text}");
    ExitCode::FAILURE
}
