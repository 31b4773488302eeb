//! The rate that was asked for, and the clock that governor needs for it.

use std::num::NonZeroU32;
use std::ops::Add;
use std::time::Duration;

use governor::Quota as Metering;
use governor::clock::{Clock, Reference};
use governor::nanos::Nanos;
use tokio::time::Instant;

use crate::rate::Rate;

/// A twentieth of a second's worth may go at once: a timer that fires late then costs no turn.
pub(super) fn metering(rate: Rate) -> Metering {
    let burst = (rate.per_second() / 20.0).ceil().clamp(1.0, 1e6);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 1..=1e6"
    )]
    let burst = NonZeroU32::new(burst as u32).unwrap_or(NonZeroU32::MIN);
    Metering::with_period(rate.interval())
        .unwrap_or(Metering::per_second(NonZeroU32::MAX))
        .allow_burst(burst)
}

/// Time since the limiter began; follows tokio's clock, so that tests can pause it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tick(pub(super) Duration);

#[derive(Clone, Debug)]
pub(super) struct TokioClock(pub(super) Instant);

impl Clock for TokioClock {
    type Instant = Tick;

    fn now(&self) -> Tick {
        Tick(self.0.elapsed())
    }
}

impl Reference for Tick {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.saturating_sub(duration.into()))
    }
}

impl Add<Nanos> for Tick {
    type Output = Self;

    fn add(self, nanos: Nanos) -> Self {
        Self(self.0 + Duration::from(nanos))
    }
}
