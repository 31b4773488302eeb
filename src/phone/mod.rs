//! Text to E.164, or the reason why not. Pure: knows no rows, files or clocks.
