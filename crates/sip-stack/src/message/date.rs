//! The Date header: RFC 1123 dates, always in GMT (RFC 3261 section 20.17).

/// Whether the text is such a date, as `Sat, 13 Nov 2010 23:29:00 GMT`.
pub(super) fn is_sip_date(text: &str) -> bool {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let [weekday, day, month, year, time, zone] = fields[..] else {
        return false;
    };
    let time: Vec<&str> = time.split(':').collect();
    let [hour, minute, second] = time[..] else {
        return false;
    };
    weekday
        .strip_suffix(',')
        .is_some_and(|weekday| one_of(&DAYS, weekday))
        && number(day, 1..=2, 31)
        && one_of(&MONTHS, month)
        && number(year, 4..=4, 9999)
        && number(hour, 2..=2, 23)
        && number(minute, 2..=2, 59)
        && number(second, 2..=2, 60)
        && zone.eq_ignore_ascii_case("GMT")
}

/// Seconds since 1970 of such a date; `None` before that.
pub(super) fn unix_seconds(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    if !is_sip_date(text) {
        return None;
    }
    let mut fields = text.split_ascii_whitespace().skip(1);
    let day: u64 = fields.next()?.parse().ok()?;
    let month = fields.next()?.to_ascii_lowercase();
    let month = MONTHS.iter().position(|name| *name == month)?;
    let month = u64::try_from(month).ok()?;
    let year: u64 = fields.next()?.parse().ok()?;
    let time: Vec<u64> = fields.next()?.split(':').flat_map(str::parse).collect();
    let [hour, minute, second] = time[..] else {
        return None;
    };
    // Years that begin in March put the day of a leap year last.
    let (year, month) = match month {
        0 | 1 => (year.checked_sub(1)?, month + 10),
        _ => (year, month - 2),
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    let days = (year * 365 + leap_days + (month * 153 + 2) / 5 + day).checked_sub(719_469)?;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

fn one_of(names: &[&str], text: &str) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(text))
}

fn number(text: &str, digits: std::ops::RangeInclusive<usize>, most: u32) -> bool {
    digits.contains(&text.len()) && super::grammar::parse_number(text).is_some_and(|n| n <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_seconds_since_1970() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Sat, 13 Nov 2010 23:29:00 GMT", Some(1_289_690_940)),
            ("Thu, 29 Feb 2024 12:00:01 GMT", Some(1_709_208_001)),
            ("Wed, 31 Dec 1969 23:59:59 GMT", None),
            ("Sat, 01 Jan 0000 00:00:00 GMT", None),
            ("yesterday", None),
        ] {
            assert_eq!(unix_seconds(text), seconds, "{text}");
        }
    }
}
