//! `[health]`: who may ask how the daemon is.

use serde::Deserialize;

/// Who is answered at `/healthz`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Health {
    /// Whether others than loopback clients are answered.
    pub public: bool,
}
