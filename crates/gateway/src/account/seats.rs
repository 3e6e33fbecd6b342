//! How many calls each account has, over all connections: the same account may be added by many.
//!
//! Only accounts with a limit of their own are counted. The map holds as many entries as there are
//! such accounts with a call, so it is bounded by the number of calls.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The calls of all accounts. Cheap to clone; all clones count together.
#[derive(Debug, Clone, Default)]
pub struct Seats(Arc<Mutex<HashMap<String, usize>>>);

/// One call of one account; counted until dropped.
#[derive(Debug)]
pub struct Seat {
    seats: Seats,
    account: String,
}

impl Seats {
    /// Counts one more call of `account` unless it has `limit` already.
    #[must_use]
    pub fn take(&self, account: &str, limit: usize) -> Option<Seat> {
        let account = account.to_ascii_lowercase();
        let mut taken = self.lock();
        let count = taken.get(&account).copied().unwrap_or(0);
        if count >= limit {
            return None;
        }
        taken.insert(account.clone(), count + 1);
        Some(Seat {
            seats: self.clone(),
            account,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        match taken.get_mut(&self.account) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => {
                taken.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_free_again_when_its_call_ends() {
        let seats = Seats::default();
        let first = seats.take("alice@sylk.test", 2);
        let second = seats.take("Alice@sylk.test", 2);
        assert!(first.is_some() && second.is_some());
        assert!(seats.take("alice@sylk.test", 2).is_none());
        assert!(seats.take("bob@sylk.test", 1).is_some());
        drop(second);
        assert!(seats.take("alice@sylk.test", 2).is_some());
        drop(first);
        assert!(seats.lock().is_empty());
    }
}
