//! What a process has used, as Linux tells it (proc(5)).

use std::fs;
use std::io;
use std::time::Duration;

/// Clock ticks of `/proc/PID/stat`: 100 per second for every process that asks.
const TICK: Duration = Duration::from_millis(10);

/// What a process has used so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// In user space; full ticks of 10 ms.
    pub user: Duration,
    /// In the kernel; full ticks of 10 ms.
    pub system: Duration,
    /// Both, of the threads alive, to the nanosecond; where the kernel keeps account of it.
    pub exact: Option<Duration>,
    /// Resident memory in bytes.
    pub resident: u64,
}

impl Usage {
    /// Reads the account of a process.
    ///
    /// # Errors
    /// When there is no such process, or it may not be looked at.
    pub fn of(pid: u32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let (user, system) = cpu_ticks(&stat).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self {
            user: TICK * user,
            system: TICK * system,
            exact: exact_cpu(pid),
            resident: resident(pid)?,
        })
    }

    /// CPU time used since an earlier look, as exactly as is known. Threads that have ended
    /// in between fall out of the exact account; then the ticks count.
    #[must_use]
    pub fn cpu_since(&self, earlier: &Self) -> Duration {
        let ticks = (self.user + self.system).saturating_sub(earlier.user + earlier.system);
        match (self.exact, earlier.exact) {
            (Some(now), Some(then)) if now + 2 * TICK >= then + ticks => now.saturating_sub(then),
            (Some(_) | None, Some(_) | None) => ticks,
        }
    }

    /// The kernel's part of the CPU time since an earlier look, in whole ticks.
    #[must_use]
    pub fn system_since(&self, earlier: &Self) -> Duration {
        self.system.saturating_sub(earlier.system)
    }
}

/// Threads of a process, and its open descriptors.
///
/// # Errors
/// When there is no such process, or it may not be looked at.
pub fn threads_and_descriptors(pid: u32) -> io::Result<(usize, usize)> {
    let count =
        |what: &str| Ok::<_, io::Error>(fs::read_dir(format!("/proc/{pid}/{what}"))?.count());
    Ok((count("task")?, count("fd")?))
}

/// CPU time of everything on this machine so far, idle time aside, in ticks of 10 ms; interrupts
/// and what the hypervisor took count too.
///
/// # Errors
/// When the kernel does not tell.
pub fn machine_cpu() -> io::Result<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    busy_ticks(&stat)
        .map(|ticks| TICK * ticks)
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The first line: `cpu  user nice system idle iowait irq softirq steal guest guest_nice`;
/// guests are within user and nice already.
fn busy_ticks(stat: &str) -> Option<u32> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let fields = line.split_ascii_whitespace().take(8).enumerate();
    let busy = fields.filter(|(at, _)| !matches!(at, 3 | 4));
    let sum = busy
        .map(|(_, field)| field.parse::<u64>())
        .sum::<Result<u64, _>>();
    u32::try_from(sum.ok()?).ok()
}

/// Fields 14 and 15. The command's name, field 2, is in parentheses and may hold anything.
fn cpu_ticks(stat: &str) -> Option<(u32, u32)> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_ascii_whitespace().skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn exact_cpu(pid: u32) -> Option<Duration> {
    let mut total = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let path = task.ok()?.path().join("schedstat");
        let Ok(text) = fs::read_to_string(path) else {
            continue;
        };
        total += text.split_ascii_whitespace().next()?.parse::<u64>().ok()?;
    }
    (total > 0).then(|| Duration::from_nanos(total))
}

/// `smaps_rollup` counts pages; `status` may be some hundred kilobytes behind.
fn resident(pid: u32) -> io::Result<u64> {
    let kilobytes = |path: String, name: &str| -> io::Result<u64> {
        let text = fs::read_to_string(path)?;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok());
        Ok(number.ok_or(io::ErrorKind::InvalidData)?)
    };
    kilobytes(format!("/proc/{pid}/smaps_rollup"), "Rss:")
        .or_else(|_| kilobytes(format!("/proc/{pid}/status"), "VmRSS:"))
        .map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_blanks_and_parentheses_does_not_shift_the_fields() {
        let stat = "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 123 45 0 0 20 0 9";
        assert_eq!(cpu_ticks(stat), Some((123, 45)));
        assert_eq!(cpu_ticks("42 (short) S 1 2"), None);
    }

    #[test]
    fn idle_and_waiting_time_is_not_work() {
        let stat = "cpu  100 1 20 99999 88888 3 4 5 50 1\ncpu0 1 2 3\n";
        assert_eq!(busy_ticks(stat), Some(133));
        assert_eq!(busy_ticks("intr 5"), None);
    }

    #[test]
    fn work_and_memory_of_this_process_are_seen() {
        let pid = std::process::id();
        let before = Usage::of(pid).expect("ourselves");
        let mut memory = vec![1_u8; 32 << 20];
        let mut after = before;
        while after.cpu_since(&before) < Duration::from_millis(30) {
            for byte in &mut memory {
                *byte = byte.wrapping_mul(3);
            }
            after = Usage::of(pid).expect("ourselves");
        }
        assert!(after.resident >= before.resident + (24 << 20));
        assert_eq!(memory.len(), 32 << 20);
    }
}
