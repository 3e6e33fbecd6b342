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

fn one_of(names: &[&str], text: &str) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(text))
}

fn number(text: &str, digits: std::ops::RangeInclusive<usize>, most: u32) -> bool {
    digits.contains(&text.len()) && super::grammar::parse_number(text).is_some_and(|n| n <= most)
}
