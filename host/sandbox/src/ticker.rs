//! The thread that makes busy guests yield.
//!
//! It ticks only while guests are alive, and ends with the engine.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long a busy guest keeps its thread.
const TICK: Duration = Duration::from_millis(5);

#[derive(Default)]
struct State {
    alive: usize,
    stop: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
    }
}

/// Increments an engine's epoch while guests are alive.
pub(crate) struct Ticker(Arc<Shared>);

impl Ticker {
    pub(crate) fn start(engine: &wasmtime::Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (theirs, engine) = (shared.clone(), engine.weak());
        std::thread::Builder::new()
            .name("netsonde-epochs".to_owned())
            .spawn(move || {
                let mut state = theirs.state.lock().unwrap_or_else(PoisonError::into_inner);
                while !state.stop {
                    if state.alive == 0 {
                        state = theirs.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                        continue;
                    }
                    state = theirs
                        .changed
                        .wait_timeout(state, TICK)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0;
                    if let Some(engine) = engine.upgrade() {
                        engine.increment_epoch();
                    }
                }
            })?;
        Ok(Self(shared))
    }

    /// Tick until the guard is dropped.
    pub(crate) fn guest(&self) -> Ticking {
        self.0.update(|state| state.alive += 1);
        Ticking(self.0.clone())
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.update(|state| state.stop = true);
    }
}

/// A guest is alive.
pub(crate) struct Ticking(Arc<Shared>);

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.update(|state| state.alive -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn wait_for(what: impl Fn() -> bool) {
        let begun = Instant::now();
        while !what() {
            assert!(begun.elapsed() < Duration::from_secs(10), "it did not happen");
            std::thread::yield_now();
        }
    }

    #[test]
    fn the_thread_ends_with_its_engine() {
        let engine = wasmtime::Engine::default();
        let ticker = Ticker::start(&engine).unwrap();
        let guest = ticker.guest();
        let shared = Arc::downgrade(&ticker.0);
        drop((ticker, guest));
        wait_for(|| shared.upgrade().is_none());
    }
}
