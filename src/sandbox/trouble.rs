//! Seeded trouble: a share of all requests goes wrong in one of the ways that need no lie.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::plan::Plan;
use super::script::Step;

/// Ways in which a request goes wrong, with their weights. No lies among them (a reply with another lead or
/// old values stops or fails a client, and rightly): those are for scripts.
const WAYS: &[(&str, u32)] = &[
    ("500_before", 20),
    ("500_after", 20),
    ("502_before", 5),
    ("502_after", 5),
    ("cut_body", 10),
    ("reset_before", 10),
    ("reset_after", 10),
    ("close_before", 5),
    ("empty_200", 5),
    ("delay", 10),
];

/// Decides from the seed, the lead and how many requests it has had: the same trouble strikes the same
/// request however a client interleaves its work.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trouble {
    share: f64,
    seed: u64,
}

impl Trouble {
    pub(super) fn new(share: f64, seed: u64) -> Self {
        Self { share, seed }
    }

    pub(super) fn is_on(self) -> bool {
        self.share > 0.0
    }

    /// What strikes this request, if anything does: the ledger's word for it, and the plan.
    pub(super) fn strike(self, method: &str, lead: &str, earlier: u32) -> Option<(String, Plan)> {
        if !self.is_on() {
            return None;
        }
        // Its keys are fixed, so that a seed means the same in every run.
        let mut hasher = DefaultHasher::new();
        (self.seed, method, lead, earlier).hash(&mut hasher);
        let mut random = fastrand::Rng::with_seed(hasher.finish());
        if random.f64() >= self.share {
            return None;
        }
        let mut draw = random.u32(..WAYS.iter().map(|(_, weight)| weight).sum::<u32>());
        for &(name, weight) in WAYS {
            if draw >= weight {
                draw -= weight;
                continue;
            }
            let plan = match Step::named(name) {
                Some(Step::Named { plan, .. }) => plan,
                _ => Plan::NORMAL.delayed(Duration::from_millis(random.u64(20..=200))),
            };
            return Some((format!("trouble: {name}"), plan));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_kept_and_every_way_is_met() {
        let trouble = Trouble::new(0.2, 7);
        let struck: Vec<_> = (0..10_000)
            .filter_map(|n| trouble.strike("PATCH", &format!("lead_{n}"), 0))
            .collect();
        assert!((1_900..2_100).contains(&struck.len()), "{}", struck.len());
        for (name, _) in WAYS {
            let word = format!("trouble: {name}");
            assert!(struck.iter().any(|(met, _)| *met == word), "{name}");
        }
    }

    #[test]
    fn a_seed_decides() {
        let all = |seed| {
            let trouble = Trouble::new(0.5, seed);
            (0..64)
                .map(|n| trouble.strike("GET", "lead_a", n))
                .collect::<Vec<_>>()
        };
        assert_eq!(all(1), all(1));
        assert_ne!(all(1), all(2));
    }

    #[test]
    fn none_is_none() {
        assert_eq!(Trouble::new(0.0, 1).strike("GET", "lead_a", 0), None);
    }
}
