//! Patterns of addresses, as operators write them: `*` stands for any text, all else for itself.
//!
//! Letters match in either case. A pattern without `@` speaks of users of the account's own domain
//! only, so that `+49*` cannot be met by `+49…@elsewhere.example`.

/// Which addresses are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    /// It speaks of whole addresses, not of users.
    whole: bool,
}

impl Pattern {
    /// Reads a pattern. Every text is one.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self {
            text: text.to_ascii_lowercase(),
            whole: text.contains('@') || text == "*",
        }
    }

    /// Whether `user` at `domain` is meant, where `own` is the domain of whoever asks.
    #[must_use]
    pub fn matches(&self, user: &str, domain: &str, own: &str) -> bool {
        let user = user.to_ascii_lowercase();
        let domain = domain.to_ascii_lowercase();
        match self.whole {
            true => fits(&self.text, &format!("{user}@{domain}")),
            false => domain.eq_ignore_ascii_case(own) && fits(&self.text, &user),
        }
    }
}

/// In time proportional to the product of both lengths at worst: only the last `*` is tried again.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            retry = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            p += 1;
            t += 1;
        } else if let Some((star, from)) = retry {
            retry = Some((star, from + 1));
            p = star + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, user, domain, expected) in [
            ("*", "bob", "elsewhere.example", true),
            ("*@example.com", "bob", "EXAMPLE.com", true),
            ("*@example.com", "bob", "sub.example.com", false),
            ("*@example.com", "bob", "example.com.evil", false),
            ("*@*.example.com", "bob", "a.example.com", true),
            ("Bob@example.com", "bob", "example.com", true),
            ("sales-*@example.com", "sales-7", "example.com", true),
            ("sales-*@example.com", "sale", "example.com", false),
            ("*a*b*@x", "xxaxxbxx", "x", true),
            ("*a*b*@x", "xxbxxaxx", "x", false),
            ("", "bob", "example.com", false),
        ] {
            let pattern = Pattern::new(pattern);
            assert_eq!(
                pattern.matches(user, domain, "example.com"),
                expected,
                "{pattern:?} {user}@{domain}"
            );
        }
    }

    #[test]
    fn a_pattern_without_a_domain_speaks_of_the_own_one() {
        let german = Pattern::new("+49*");
        assert!(german.matches("+4930", "example.com", "example.com"));
        assert!(!german.matches("+4930", "elsewhere.example", "example.com"));
        assert!(!german.matches("+1900", "example.com", "example.com"));
    }

    #[test]
    fn many_stars_take_no_time() {
        let pattern = Pattern::new(&format!("{}b", "*a".repeat(100)));
        assert!(!pattern.matches(&"a".repeat(512), "b", "b"));
    }
}
