//! What many accounts have in common, kept once: texts and routes that are the same for a
//! whole domain.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use crate::dialog::RouteSet;

/// Texts that are looked for; beyond, each account has its own.
const MAX_TEXTS: usize = 1024;
/// Routes that are looked for; the oldest makes room.
const MAX_ROUTES: usize = 64;

/// Values that accounts share.
#[derive(Default)]
pub(crate) struct Shared {
    texts: BTreeSet<Arc<str>>,
    routes: VecDeque<RouteSet>,
}

impl Shared {
    /// One copy of this text.
    pub(crate) fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        if self.texts.len() >= MAX_TEXTS {
            self.texts.retain(|text| Arc::strong_count(text) > 1);
        }
        let text = Arc::from(text);
        if self.texts.len() < MAX_TEXTS {
            self.texts.insert(Arc::clone(&text));
        }
        text
    }

    /// One copy of this route.
    pub(crate) fn routes(&mut self, set: RouteSet) -> RouteSet {
        if set.first().is_none() {
            return RouteSet::default();
        }
        if let Some(known) = self.routes.iter().find(|known| **known == set) {
            return known.clone();
        }
        if self.routes.len() >= MAX_ROUTES {
            self.routes.pop_front();
        }
        self.routes.push_back(set.clone());
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_kept_once_and_only_while_somebody_has_it() {
        let mut shared = Shared::default();
        let one = shared.text("example.com");
        assert!(Arc::ptr_eq(&one, &shared.text("example.com")));
        for n in 0..3 * MAX_TEXTS {
            shared.text(&n.to_string());
        }
        assert!(shared.texts.len() <= MAX_TEXTS);
        assert!(Arc::ptr_eq(&one, &shared.text("example.com")));
    }
}
