//! SIP headers in requests: `headers` and `incoming_header_prefixes`.

use super::{Fields, WrongField};
use crate::Header;
use crate::json::Json;
use crate::limits::{MAX_HEADER_NAME, MAX_HEADER_PREFIXES, MAX_HEADER_VALUE, MAX_HEADERS};
use crate::types::is_token;

impl Fields<'_> {
    /// An optional array of `{name, value}`.
    pub(crate) fn headers(&self, name: &str) -> Result<Vec<Header>, WrongField> {
        let elements = self.optional_array(name)?;
        let headers: Option<Vec<Header>> = elements.iter().map(header).collect();
        headers
            .filter(|headers| headers.len() <= MAX_HEADERS)
            .ok_or_else(|| self.invalid(name))
    }

    /// An optional array of beginnings of header names; repeated ones are left out.
    pub(crate) fn header_prefixes(&self, name: &str) -> Result<Vec<String>, WrongField> {
        let elements = self.optional_array(name)?;
        if elements.len() > MAX_HEADER_PREFIXES {
            return Err(self.invalid(name));
        }
        let mut prefixes: Vec<String> = Vec::new();
        for element in elements {
            match element {
                Json::String(prefix) if is_header_name(prefix) => {
                    if !prefixes
                        .iter()
                        .any(|known| known.eq_ignore_ascii_case(prefix))
                    {
                        prefixes.push(prefix.clone());
                    }
                }
                Json::String(_)
                | Json::Null
                | Json::Bool(_)
                | Json::Integer(_)
                | Json::Float(_)
                | Json::Array(_)
                | Json::Object(_) => return Err(self.invalid(name)),
            }
        }
        Ok(prefixes)
    }
}

fn header(element: &Json) -> Option<Header> {
    let Json::Object(members) = element else {
        return None;
    };
    let (Json::String(name), Json::String(value)) = (members.get("name")?, members.get("value")?)
    else {
        return None;
    };
    let valid = is_header_name(name)
        && value.len() <= MAX_HEADER_VALUE
        && !value.contains(char::is_control);
    valid.then(|| Header {
        name: name.clone(),
        value: value.trim().to_owned(),
    })
}

fn is_header_name(text: &str) -> bool {
    text.len() <= MAX_HEADER_NAME && is_token(text)
}
