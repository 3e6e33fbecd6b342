//! The candidates of `session-trickle`.

use super::{Fields, WrongField};
use crate::Candidate;
use crate::json::Json;
use crate::limits::{MAX_CANDIDATE, MAX_CANDIDATES};

impl Fields<'_> {
    /// A mandatory array of candidates: those that could be read, and how many could not.
    ///
    /// Browsers give more or fewer members than the original server wanted; only the
    /// candidate line itself has to be there.
    pub(crate) fn candidates(&self, name: &str) -> Result<(Vec<Candidate>, usize), WrongField> {
        let Json::Array(elements) = self.mandatory(name)? else {
            return Err(self.invalid(name));
        };
        let candidates: Vec<Candidate> = elements
            .iter()
            .filter_map(candidate)
            .take(MAX_CANDIDATES)
            .collect();
        let ignored = elements.len() - candidates.len();
        Ok((candidates, ignored))
    }
}

fn candidate(element: &Json) -> Option<Candidate> {
    let Json::Object(members) = element else {
        return None;
    };
    let Some(Json::String(line)) = members.get("candidate") else {
        return None;
    };
    (line.len() <= MAX_CANDIDATE).then(|| Candidate {
        line: line.clone(),
        mid: match members.get("sdpMid") {
            Some(Json::String(mid)) if mid.len() <= MAX_CANDIDATE => Some(mid.clone()),
            Some(_) | None => None,
        },
        m_line_index: match members.get("sdpMLineIndex") {
            Some(Json::Integer(index)) => u16::try_from(*index).ok(),
            Some(_) | None => None,
        },
    })
}
