//! Servers with a quota, as they are met: pure, on a clock of seconds that the caller keeps.

use std::collections::VecDeque;

use leadfix::quota::{Announcement, Headers};

/// Seconds since the server began.
pub(crate) type Seconds = f64;

/// How requests are counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    /// Windows aligned to the clock.
    Aligned,
    /// A window opens with the first request behind the one before.
    FirstRequest,
    /// The requests granted in the trailing window.
    Sliding,
    /// A bucket of so many tokens, refilled steadily.
    Bucket(f64),
}

/// How `X-RateLimit-Reset` is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reset {
    /// Unix time in whole seconds, as documented.
    Unix,
    /// Unix time with fractions.
    Fractional,
    /// Unix time in milliseconds.
    Milliseconds,
    /// Whole seconds from now.
    Relative,
    /// A sliding window that says "a window from now".
    WindowFromNow,
}

/// What the server says of its quota.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Manners {
    /// `None`: no `X-RateLimit-*` headers at all.
    pub(crate) reset: Option<Reset>,
    /// Whether a 429 has `Retry-After`.
    pub(crate) retry_after: bool,
    /// How far the server's clock is ahead of ours.
    pub(crate) skew: Seconds,
}

/// A server with a quota.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) shape: Shape,
    pub(crate) manners: Manners,
    /// Requests a window.
    pub(crate) limit: u32,
    /// Length of the window.
    pub(crate) window: Seconds,
    window_end: Seconds,
    used: u32,
    granted: VecDeque<Seconds>,
    tokens: f64,
    refilled: Seconds,
}

/// The reply's status and headers.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) granted: bool,
    limit: Option<String>,
    remaining: Option<String>,
    reset: Option<String>,
    retry_after: Option<String>,
    date: String,
}

/// Unix time at which the servers begin.
const EPOCH: f64 = 1_795_521_600.0;

impl Server {
    pub(crate) fn new(shape: Shape, limit: u32, window: Seconds) -> Self {
        Self {
            shape,
            manners: Manners {
                reset: Some(Reset::Unix),
                retry_after: true,
                skew: 0.0,
            },
            limit,
            window,
            window_end: 0.0,
            used: 0,
            granted: VecDeque::new(),
            tokens: match shape {
                Shape::Bucket(size) => size,
                _ => 0.0,
            },
            refilled: 0.0,
        }
    }

    pub(crate) fn with(mut self, manners: Manners) -> Self {
        self.manners = manners;
        self
    }

    /// Requests a second that the quota comes to.
    pub(crate) fn rate(&self) -> f64 {
        f64::from(self.limit) / self.window
    }

    /// One request at `now`.
    pub(crate) fn request(&mut self, now: Seconds) -> Reply {
        let (granted, remaining, limit, end) = match self.shape {
            Shape::Aligned | Shape::FirstRequest => {
                if now >= self.window_end {
                    self.used = 0;
                    self.window_end = if self.shape == Shape::Aligned {
                        ((now / self.window).floor() + 1.0) * self.window
                    } else {
                        now + self.window
                    };
                }
                let granted = self.used < self.limit;
                self.used += u32::from(granted);
                (
                    granted,
                    self.limit.saturating_sub(self.used),
                    self.limit,
                    self.window_end,
                )
            }
            Shape::Sliding => {
                while self
                    .granted
                    .front()
                    .is_some_and(|time| now - time >= self.window)
                {
                    self.granted.pop_front();
                }
                let used = u32::try_from(self.granted.len()).expect("no more than the limit");
                let granted = used < self.limit;
                if granted {
                    self.granted.push_back(now);
                }
                let oldest = self.granted.front().copied().unwrap_or(now);
                let remaining = self.limit.saturating_sub(used + u32::from(granted));
                (granted, remaining, self.limit, oldest + self.window)
            }
            Shape::Bucket(size) => {
                self.tokens = (self.tokens + (now - self.refilled) * self.rate()).min(size);
                self.refilled = now;
                let granted = self.tokens >= 1.0;
                if granted {
                    self.tokens -= 1.0;
                }
                let full = now + (size - self.tokens) / self.rate();
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "small and not negative"
                )]
                let (left, size) = (self.tokens.floor() as u32, size as u32);
                (granted, left, size, full)
            }
        };
        let unix = EPOCH + now + self.manners.skew;
        let reset = self.manners.reset.map(|form| {
            let end_unix = EPOCH + end + self.manners.skew;
            match form {
                Reset::Unix => format!("{}", end_unix.ceil()),
                Reset::Fractional => format!("{end_unix:.3}"),
                Reset::Milliseconds => format!("{}", (end_unix * 1e3).round()),
                Reset::Relative => format!("{}", (end - now).ceil()),
                Reset::WindowFromNow => format!("{}", (unix + self.window).ceil()),
            }
        });
        let next = match self.shape {
            Shape::Bucket(_) => now + (1.0 - self.tokens) / self.rate(),
            _ => end,
        };
        #[expect(clippy::cast_possible_truncation, reason = "Unix seconds")]
        let date =
            jiff::Timestamp::from_second(unix.floor() as i64).expect("a time in this century");
        Reply {
            granted,
            limit: reset.as_ref().map(|_| limit.to_string()),
            remaining: reset.as_ref().map(|_| remaining.to_string()),
            reset,
            retry_after: (!granted && self.manners.retry_after)
                .then(|| format!("{}", (next - now).ceil().max(1.0))),
            date: date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        }
    }
}

impl Reply {
    /// The headers, as a client understands them that receives them at `now`.
    pub(crate) fn announcement(&self, now: Seconds) -> Announcement {
        let headers = Headers {
            limit: self.limit.as_deref(),
            remaining: self.remaining.as_deref(),
            reset: self.reset.as_deref(),
            retry_after: self.retry_after.as_deref(),
            date: Some(&self.date),
        };
        let now = std::time::Duration::from_secs_f64(EPOCH + now);
        headers.interpret(|| jiff::Timestamp::UNIX_EPOCH + now)
    }
}
