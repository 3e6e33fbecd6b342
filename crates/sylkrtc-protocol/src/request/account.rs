//! `account-add` and its siblings.

use super::Request;
use crate::fields::{Fields, WrongField};
use crate::limits::{MAX_DISPLAY_NAME, MAX_USER_AGENT};
use crate::{AccountAddress, Ha1};

/// `account-add`: an account of this connection. No SIP happens yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountAdd {
    /// The address of record.
    pub account: AccountAddress,
    /// The password, hashed by the client.
    pub password: Ha1,
    /// The name for From.
    pub display_name: Option<String>,
    /// The text for User-Agent.
    pub user_agent: Option<String>,
    /// Headers of incoming INVITEs whose names start with one of these, of any case, are shown
    /// to the page. No prefix is named twice.
    pub incoming_header_prefixes: Vec<String>,
    /// An extension: the page wants extension events.
    pub extensions: bool,
    /// An extension: callers hear ringing only once the page has sent `session-ring`.
    pub explicit_ringing: bool,
    /// `bind`, the very first name of 2015, also registers.
    pub register: bool,
}

pub(super) fn add(fields: &Fields<'_>, register: bool) -> Result<Request, WrongField> {
    Ok(Request::AccountAdd(AccountAdd {
        account: fields.account("account")?,
        password: fields.ha1("password")?,
        display_name: fields.optional_line("display_name", MAX_DISPLAY_NAME)?,
        user_agent: fields.optional_line("user_agent", MAX_USER_AGENT)?,
        incoming_header_prefixes: fields.header_prefixes("incoming_header_prefixes")?,
        extensions: fields.optional_flag("extensions")?.unwrap_or(false),
        explicit_ringing: fields.optional_flag("explicit_ringing")?.unwrap_or(false),
        register,
    }))
}

pub(super) fn remove(fields: &Fields<'_>) -> Result<Request, WrongField> {
    let account = fields.account("account")?;
    Ok(Request::AccountRemove { account })
}

pub(super) fn register(fields: &Fields<'_>) -> Result<Request, WrongField> {
    let account = fields.account("account")?;
    Ok(Request::AccountRegister { account })
}

pub(super) fn unregister(fields: &Fields<'_>) -> Result<Request, WrongField> {
    let account = fields.account("account")?;
    Ok(Request::AccountUnregister { account })
}
