//! Keeps the machine's cores from halting while something is measured.
//!
//! In a virtual machine a halted core is woken through the hypervisor, at the expense of whoever
//! sends to it: what is measured then is the hypervisor. Where cpuidle has a polling state and we
//! may ask for it, idle cores poll for as long as a file is held open (Linux: PM QoS).
//!
//! Elsewhere a process on each core that always computes, of the scheduling policy SCHED_IDLE
//! (sched(7)), leaves no core to halt. It is `load` itself, started by chrt(1) and taskset(1), for
//! the kernel can only be asked for that policy in ways that are not safe Rust.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::process::Usage;

/// The longest time, in microseconds as an `i32`, that a core may take to wake.
const LATENCY: &str = "/dev/cpu_dma_latency";
/// The name of what an idle core does first.
const FIRST_STATE: &str = "/sys/devices/system/cpu/cpu0/cpuidle/state0/name";
/// Turns between two visits to the kernel: some microseconds.
const TURNS: u32 = 2000;
/// What they say when they have begun; on a busy machine they wait for it.
const BEGUN: &[u8] = b"spinning\n";
const START_LIMIT: Duration = Duration::from_secs(15);

/// What keeps them awake. Dropping it ends that, and so does the end of this process.
#[derive(Debug)]
pub struct Awake(How);

#[derive(Debug)]
enum How {
    /// Idle cores poll while this is open.
    Polling { _latency: File },
    /// Processes of these ids; they end with their standard input.
    Spinning(Vec<(Child, u32)>),
}

impl Awake {
    /// Lets idle cores poll, or gives each of them something to do. `program` is `load` itself.
    ///
    /// # Errors
    /// As [`Self::spinning`], where cores cannot be made to poll.
    pub async fn start(program: &Path) -> io::Result<Self> {
        match poll() {
            Some(latency) => Ok(Self(How::Polling { _latency: latency })),
            None => Self::spinning(program).await,
        }
    }

    /// Starts a process on each core that this process may use. `program` is `load` itself.
    ///
    /// # Errors
    /// When one cannot be started: without util-linux, or by someone who may not.
    pub async fn spinning(program: &Path) -> io::Result<Self> {
        let status = fs::read_to_string("/proc/self/status")?;
        let cores = allowed_cores(&status).ok_or(io::ErrorKind::InvalidData)?;
        let mut spinners = Vec::new();
        for core in cores {
            let mut child = Command::new("taskset")
                .args(["--cpu-list", &core.to_string(), "chrt", "--idle", "0"])
                .arg(program)
                .arg("spin")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .kill_on_drop(true)
                .spawn()?;
            let pid = child.id().ok_or(io::ErrorKind::NotFound)?;
            let mut said = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
            let mut begun = [0; BEGUN.len()];
            let begins = timeout(START_LIMIT, said.read_exact(&mut begun)).await;
            begins.map_err(io::Error::other)?.map_err(|_| {
                io::Error::other("no core is kept awake without taskset and chrt (util-linux)")
            })?;
            spinners.push((child, pid));
        }
        Ok(Self(How::Spinning(spinners)))
    }

    /// CPU time that processes have taken for it so far. It is nobody's work.
    ///
    /// # Errors
    /// When one of them has ended.
    pub fn cpu(&self) -> io::Result<Duration> {
        let spinners = match &self.0 {
            How::Polling { .. } => return Ok(Duration::ZERO),
            How::Spinning(spinners) => spinners,
        };
        let used = spinners.iter().map(|(_, pid)| {
            let usage = Usage::of(*pid)?;
            Ok(usage.exact.unwrap_or(usage.user + usage.system))
        });
        used.sum()
    }
}

/// Asks for cores that wake at once; `None` where that is not allowed, or means nothing.
fn poll() -> Option<File> {
    let first = fs::read_to_string(FIRST_STATE).ok()?;
    let mut latency = File::options().write(true).open(LATENCY).ok()?;
    latency.write_all(&0_i32.to_ne_bytes()).ok()?;
    (first.trim() == "POLL").then_some(latency)
}

/// Computes until standard input ends.
///
/// # Errors
/// When there is no thread to be had.
pub fn spin() -> io::Result<()> {
    io::stdout().write_all(BEGUN)?;
    io::stdout().flush()?;
    let over = thread::Builder::new().spawn(|| {
        let mut nothing = [0; 16];
        // An error is an end too.
        while matches!(io::stdin().read(&mut nothing), Ok(1..)) {}
    })?;
    // Without `spin_loop`: a core that pauses may be taken by the hypervisor.
    let mut value = 1_u32;
    while !over.is_finished() {
        for turn in 0..TURNS {
            value = black_box(value.wrapping_mul(31).wrapping_add(turn));
        }
        // Where the kernel preempts lazily, who wakes on this core waits for the next tick, or for
        // this one to enter the kernel.
        thread::yield_now();
    }
    Ok(())
}

/// The line `Cpus_allowed_list: 0-3,6` of proc_pid_status(5).
fn allowed_cores(status: &str) -> Option<Vec<usize>> {
    let list = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    let mut cores = Vec::new();
    for range in list.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        cores.extend(first..=last);
    }
    Some(cores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_allowed_cores_is_read() {
        let status = "Name:\tload\nCpus_allowed:\t4f\nCpus_allowed_list:\t0-3,6\n";
        assert_eq!(allowed_cores(status), Some(vec![0, 1, 2, 3, 6]));
        assert_eq!(allowed_cores("Cpus_allowed_list:\t1\n"), Some(vec![1]));
        assert_eq!(allowed_cores("Name:\tload\n"), None);
    }
}
