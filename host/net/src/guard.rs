//! Saying so when an operation is dropped half-way.

/// Runs a closure when dropped, unless it was disarmed: how an operation whose future is dropped still leaves its
/// observation.
pub(crate) struct Guard<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Guard<F> {
    /// Run `interrupted` unless [`Guard::disarm`] is called first.
    pub(crate) fn new(interrupted: F) -> Self {
        Self(Some(interrupted))
    }

    /// The operation ended by itself.
    pub(crate) fn disarm(mut self) {
        self.0 = None;
    }
}

impl<F: FnOnce()> Drop for Guard<F> {
    fn drop(&mut self) {
        if let Some(interrupted) = self.0.take() {
            interrupted();
        }
    }
}
