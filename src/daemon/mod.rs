//! Watching for ever: intervals, signals, reload, watchdog.
