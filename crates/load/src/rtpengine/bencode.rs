//! Bencoding, as much as the ng protocol needs: dictionaries of strings out, strings by key in.

/// Writes a dictionary. A value is one string or a list of them.
#[derive(Debug)]
pub(super) struct Dictionary(String);

impl Dictionary {
    pub(super) fn new(command: &str) -> Self {
        Self("d".to_owned()).with("command", command)
    }

    pub(super) fn with(mut self, key: &str, value: &str) -> Self {
        self.string(key);
        self.string(value);
        self
    }

    pub(super) fn with_list(mut self, key: &str, values: &[&str]) -> Self {
        self.string(key);
        self.0.push('l');
        for value in values {
            self.string(value);
        }
        self.0.push('e');
        self
    }

    pub(super) fn end(mut self) -> String {
        self.0.push('e');
        self.0
    }

    fn string(&mut self, text: &str) {
        self.0.push_str(&text.len().to_string());
        self.0.push(':');
        self.0.push_str(text);
    }
}

/// The string under a key of the outermost dictionary.
pub(super) fn string_of<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut rest = text.strip_prefix('d')?;
    while !rest.starts_with('e') {
        let (name, behind) = string(rest)?;
        if name == key {
            return string(behind).map(|(value, _)| value);
        }
        rest = skip(behind)?;
    }
    None
}

fn string(text: &str) -> Option<(&str, &str)> {
    let (length, rest) = text.split_once(':')?;
    rest.split_at_checked(length.parse().ok()?)
}

/// What comes behind a value of any kind.
fn skip(text: &str) -> Option<&str> {
    match text.as_bytes().first()? {
        b'i' => text.split_once('e').map(|(_, rest)| rest),
        b'l' | b'd' => {
            let mut rest = &text[1..];
            while !rest.starts_with('e') {
                rest = skip(rest)?;
            }
            Some(&rest[1..])
        }
        _ => string(text).map(|(_, rest)| rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_is_written_and_its_strings_are_found() {
        let text = Dictionary::new("offer")
            .with_list("flags", &["a", "bc"])
            .with("sdp", "v=0\r\n")
            .end();
        assert_eq!(text, "d7:command5:offer5:flagsl1:a2:bce3:sdp5:v=0\r\ne");
        assert_eq!(string_of(&text, "sdp"), Some("v=0\r\n"));
        assert_eq!(string_of(&text, "result"), None);
    }

    #[test]
    fn numbers_lists_and_dictionaries_are_passed_over() {
        let text = "d1:ai-7e1:bd1:ai1ee1:cl1:xi2ee6:result2:oke";
        assert_eq!(string_of(text, "result"), Some("ok"));
    }

    #[test]
    fn what_is_cut_off_is_nothing() {
        for text in ["", "d", "d3:ab", "d1:a9:short", "d1:al"] {
            assert_eq!(string_of(text, "result"), None, "{text}");
        }
    }
}
