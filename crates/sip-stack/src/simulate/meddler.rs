//! Somebody between the proxies and the agents who drops, doubles, damages, forges and
//! replays, as a string of bytes tells him. Whatever the bytes say, what he makes is near to a
//! conversation that really happens: damage that random bytes would never come to.

use bytes::Bytes;

/// Messages kept for later.
const MAX_HEARD: usize = 64;
/// What a damaged message may grow to.
const MAX_LENGTH: usize = 8192;

pub(super) struct Meddler {
    orders: Vec<u8>,
    at: usize,
    /// How many messages pass untouched before the next order.
    patience: u8,
    heard: Vec<Bytes>,
}

/// What arrives instead of a message.
pub(super) struct Meddled {
    pub(super) bytes: Bytes,
    /// From an address that is none of ours.
    pub(super) by_stranger: bool,
}

impl Meddler {
    pub(super) fn new(orders: &[u8]) -> Self {
        Self {
            orders: orders.to_vec(),
            at: 0,
            patience: 0,
            heard: Vec::new(),
        }
    }

    pub(super) fn meddle(&mut self, bytes: &Bytes) -> Vec<Meddled> {
        if self.heard.len() < MAX_HEARD {
            self.heard.push(bytes.clone());
        }
        if self.patience > 0 {
            self.patience -= 1;
            return vec![untouched(bytes)];
        }
        let Some(order) = self.next() else {
            return vec![untouched(bytes)];
        };
        if order < 128 {
            self.patience = order / 4;
            return vec![untouched(bytes)];
        }
        let by_stranger = order & 0x40 != 0;
        let made = |bytes: Vec<u8>| Meddled {
            bytes: Bytes::from(bytes),
            by_stranger,
        };
        match order % 16 {
            0 => Vec::new(),
            1 => vec![untouched(bytes), untouched(bytes)],
            2 => vec![untouched(bytes), made(self.another(bytes).to_vec())],
            3 => vec![made(self.another(bytes).to_vec())],
            4 => vec![untouched(bytes), made(self.damaged(bytes))],
            5 => vec![untouched(bytes), made(self.reworded(bytes))],
            6 | 7 => vec![made(self.reworded(bytes))],
            8 => vec![made(self.without_line(bytes))],
            9 => vec![made(self.with_line_of_another(bytes))],
            10 => vec![made(self.with_new_status(bytes))],
            11 => vec![made(self.with_new_method(bytes))],
            12 => {
                let other = self.another(bytes);
                vec![untouched(bytes), made(self.with_new_method(&other))]
            }
            13 => {
                let other = self.another(bytes);
                vec![untouched(bytes), made(self.with_new_status(&other))]
            }
            _ => vec![made(self.damaged(bytes))],
        }
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.orders.get(self.at).copied();
        self.at += usize::from(byte.is_some());
        byte
    }

    /// A number below `end`, which must not be 0.
    fn below(&mut self, end: usize) -> usize {
        let high = usize::from(self.next().unwrap_or(0));
        let low = usize::from(self.next().unwrap_or(0));
        (high << 8 | low) % end
    }

    fn another(&mut self, bytes: &Bytes) -> Bytes {
        let which = usize::from(self.next().unwrap_or(0));
        let count = self.heard.len().max(1);
        self.heard.get(which % count).unwrap_or(bytes).clone()
    }

    /// Some bytes are others, gone, or new.
    fn damaged(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.next().unwrap_or(0) % 4 {
            let at = self.below(bytes.len() + 1);
            let byte = self.next().unwrap_or(b'\n');
            match self.next().unwrap_or(0) % 4 {
                0 if at < bytes.len() => drop(bytes.remove(at)),
                1 => bytes.insert(at, byte),
                2 => bytes.truncate(at),
                _ if at < bytes.len() => bytes[at] = byte,
                _ => bytes.push(byte),
            }
        }
        bytes
    }

    /// One number or word of the message is another.
    fn reworded(&mut self, bytes: &[u8]) -> Vec<u8> {
        let words = [
            "0",
            "1",
            "4294967295",
            "99999999999999999999",
            "-1",
            "",
            "a",
            "\"",
            "\\",
            "%00",
            "tag=x",
            ";lr",
            "expires=0",
            "0 INVITE",
            "2147483648",
            "[::1]",
            "<>",
            ",",
            "*",
        ];
        let word = words[usize::from(self.next().unwrap_or(0)) % words.len()];
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric();
        let start = self.below(bytes.len().max(1));
        let start = bytes[..start.min(bytes.len())]
            .iter()
            .rposition(|byte| !is_word(byte))
            .map_or(0, |at| at + 1);
        let length = bytes[start..]
            .iter()
            .take_while(|byte| is_word(byte))
            .count();
        let rest = &bytes[start + length..];
        [&bytes[..start], word.as_bytes(), rest].concat()
    }

    fn without_line(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut lines = lines(bytes);
        let at = usize::from(self.next().unwrap_or(0)) % lines.len().max(1);
        if at < lines.len() {
            lines.remove(at);
        }
        lines.concat()
    }

    /// A line of another message comes in, beside or in the place of one of this.
    fn with_line_of_another(&mut self, bytes: &Bytes) -> Vec<u8> {
        let other = self.another(bytes);
        let others = lines(&other);
        let line = usize::from(self.next().unwrap_or(0)) % others.len().max(1);
        let mut own = lines(bytes);
        let at = usize::from(self.next().unwrap_or(0)) % own.len().max(1);
        let Some(line) = others.get(line) else {
            return bytes.to_vec();
        };
        if self.next().is_some_and(|byte| byte < 128) && at < own.len() {
            own[at] = line;
        } else {
            own.insert(at, line);
        }
        let mut all = own.concat();
        all.truncate(MAX_LENGTH);
        all
    }

    fn with_new_status(&mut self, bytes: &[u8]) -> Vec<u8> {
        let codes = [
            100, 180, 183, 199, 200, 202, 299, 300, 302, 401, 403, 404, 407, 408, 415, 420, 422,
            423, 430, 439, 480, 481, 482, 486, 487, 488, 489, 491, 494, 500, 503, 504, 513, 600,
            603, 699,
        ];
        let code = codes[usize::from(self.next().unwrap_or(0)) % codes.len()];
        match bytes.starts_with(b"SIP/2.0 ") && bytes.len() > 11 {
            true => [&bytes[..8], code.to_string().as_bytes(), &bytes[11..]].concat(),
            false => bytes.to_vec(),
        }
    }

    /// The same request, but of another method.
    fn with_new_method(&mut self, bytes: &[u8]) -> Vec<u8> {
        let methods = [
            "INVITE",
            "ACK",
            "BYE",
            "CANCEL",
            "REGISTER",
            "OPTIONS",
            "INFO",
            "MESSAGE",
            "PRACK",
            "UPDATE",
            "REFER",
            "NOTIFY",
            "SUBSCRIBE",
            "PUBLISH",
            "X",
        ];
        let new = methods[usize::from(self.next().unwrap_or(0)) % methods.len()];
        let text = String::from_utf8_lossy(bytes);
        let old = text.split(' ').next().unwrap_or_default().to_owned();
        if old.is_empty() || old.starts_with("SIP/") {
            return bytes.to_vec();
        }
        let raise = i64::from(self.next().unwrap_or(0)) - 4;
        let changed = text
            .split_inclusive("\r\n")
            .enumerate()
            .map(|(number, line)| {
                let cseq = line.strip_prefix("CSeq: ");
                let cseq = cseq.and_then(|value| value.split(' ').next()?.parse::<i64>().ok());
                match (number, cseq) {
                    (0, _) => line.replacen(&old, new, 1),
                    (_, Some(cseq)) => format!("CSeq: {} {new}\r\n", (cseq + raise).max(0)),
                    _ => line.to_owned(),
                }
            });
        changed.collect::<String>().into_bytes()
    }
}

fn untouched(bytes: &Bytes) -> Meddled {
    Meddled {
        bytes: bytes.clone(),
        by_stranger: false,
    }
}

/// Lines with their ends.
fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}
