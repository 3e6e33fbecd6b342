//! The log: one subscriber, set once, from the first moment of the process.
//!
//! INFO is what an operator would tell a colleague; addresses of people and SDP stay at DEBUG and
//! below; credentials are never written. Fields carry the values: `call`, `account`, `dialog`.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::Log;
use crate::config::log::LogFormat;

/// rtc-dtls warns of every extension in a browser's hello that it does not know, a dozen per call.
/// The configured filter can still name it.
const QUIET: &str = "rtc_dtls=error";

/// Libraries that print whole frames, passwords in them, at TRACE. No configuration opens them.
const SECRET: &str = "tungstenite=info,tokio_tungstenite=info,hyper=info,hyper_util=info";

/// Starts logging to standard error. Later calls in the same process change nothing.
pub fn start(log: &Log) {
    let filter = EnvFilter::builder()
        .parse(format!("{QUIET},{},{SECRET}", log.level))
        .unwrap_or_else(|_| EnvFilter::new(format!("{QUIET},info")));
    let lines = fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match log.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}
