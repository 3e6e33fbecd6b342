//! The CPU time of a thread, as the kernel accounts it: what other programs do meanwhile is not in it.

use std::io;
use std::time::Duration;

/// What this thread has used so far.
pub(crate) fn of_this_thread() -> io::Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text
        .split_ascii_whitespace()
        .next()
        .and_then(|first| first.parse().ok());
    nanoseconds
        .map(Duration::from_nanos)
        .ok_or_else(|| io::Error::other("schedstat has no run time"))
}
