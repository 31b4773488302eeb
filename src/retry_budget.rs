//! Requests that repeat a failed one are at most a tenth of all requests, or one a second, so that a server in trouble
//! is not hammered. Pure: the caller keeps the clock.

use crate::pace::Seconds;

/// What each request that repeats nothing adds.
const SHARE: f64 = 0.1;
/// A little trouble is not waited for.
const MOST: f64 = 20.0;

/// Retries that may be made now.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    balance: f64,
    /// Up to when the one that each second adds is counted in.
    counted: Seconds,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self {
            balance: MOST,
            counted: 0.0,
        }
    }
}

impl RetryBudget {
    /// A request that repeats nothing was made.
    pub(crate) fn earn(&mut self) {
        self.balance = (self.balance + SHARE).min(MOST);
    }

    /// Takes one retry at `now`, or says in how many seconds there may be one.
    pub(crate) fn take(&mut self, now: Seconds) -> Result<(), Seconds> {
        self.balance = (self.balance + (now - self.counted)).min(MOST);
        self.counted = now;
        if self.balance < 1.0 {
            return Err(1.0 - self.balance);
        }
        self.balance -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_little_trouble_is_not_waited_for() {
        let mut budget = RetryBudget::default();
        assert!((0..20).all(|_| budget.take(0.0).is_ok()));
        assert_eq!(budget.take(0.0), Err(1.0));
        assert_eq!(budget.take(0.5), Err(0.5));
        assert_eq!(budget.take(1.0), Ok(()));
        assert_eq!(budget.take(1.0), Err(1.0), "a second is counted once");
    }

    #[test]
    fn in_steady_trouble_retries_are_a_tenth() {
        let mut budget = RetryBudget::default();
        let (mut firsts, mut retries) = (0_u32, 0_u32);
        for _ in 0..100_000 {
            budget.earn();
            firsts += 1;
            // As many retries as are allowed, in no time at all.
            while budget.take(0.0).is_ok() {
                retries += 1;
            }
        }
        let share = f64::from(retries) / f64::from(firsts + retries);
        assert!((0.08..=0.10).contains(&share), "{share}");
    }
}
