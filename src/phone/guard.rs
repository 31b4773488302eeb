//! A call into the numbering library that cannot end the run, and cannot print the number.
//!
//! The library is known to slice text at the wrong place on inputs that `normalise` refuses long
//! before; this is the second net. A panic's message may quote the text it choked on, and the standard hook
//! prints it, so while the guard is up on this thread the hook is silent. Other panics, and other threads,
//! are reported as ever.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

static HOOK: Once = Once::new();

/// What `call` returns, or nothing if it panics.
pub(super) fn quietly<T>(call: impl FnOnce() -> T) -> Option<T> {
    HOOK.call_once(|| {
        let reporting = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                reporting(panic);
            }
        }));
    });
    let outer = QUIET.replace(true);
    // The library keeps nothing that a panic could leave half done: its regexes are set once or not at all.
    let result = panic::catch_unwind(AssertUnwindSafe(call));
    QUIET.set(outer);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::panic, reason = "the test is about a panic")]
    fn a_panic_is_caught_and_later_ones_are_reported_again() {
        assert_eq!(quietly(|| 7), Some(7));
        assert_eq!(quietly(|| -> u8 { panic!("+919876543210") }), None);
        assert!(!QUIET.get());
    }
}
