//! A lock that serves in turn: who holds it nearly always, a capture thread, keeps nobody waiting for long.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Something that several threads work with.
#[derive(Debug)]
pub(super) struct Fair<T> {
    /// Held by who is the next: without it, who gives the lock back and wants it again at once would have it again.
    next: Mutex<()>,
    it: Mutex<T>,
}

impl<T> Fair<T> {
    pub(super) fn new(it: T) -> Self {
        Self {
            next: Mutex::new(()),
            it: Mutex::new(it),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        let _next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        self.it.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    /// Each turn of the busy one takes a millisecond, and it never pauses.
    #[test]
    fn one_that_is_always_at_it_keeps_nobody_waiting() {
        let turns = Fair::new(0);
        let over = AtomicBool::new(false);
        let waited = thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let mut turns = turns.lock();
                    *turns += 1;
                    thread::sleep(Duration::from_millis(1));
                }
            });
            let look = || {
                thread::sleep(Duration::from_millis(3));
                let before = *turns.lock();
                *turns.lock() - before
            };
            let waited: Vec<i32> = (0..20).map(|_| look()).collect();
            over.store(true, Ordering::Relaxed);
            waited
        });
        assert!(waited.iter().all(|&turns| turns <= 2), "{waited:?}");
    }
}
