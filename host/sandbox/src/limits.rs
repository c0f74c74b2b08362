//! Memory of an instance: every growth is in the books before it happens, and the books close with the instance.

use std::sync::Arc;

use wasmtime::ResourceLimiter;

use crate::ledger::{Charge, Ledger};

/// Bytes that one element of a table takes.
const ELEMENT: usize = size_of::<usize>();

/// What an instance holds of linear memories and tables.
pub(crate) struct Memory(Charge);

impl Memory {
    pub(crate) fn new(ledger: &Arc<Ledger>) -> Self {
        Self(Charge::new(ledger))
    }

    fn grow(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
        unit: usize,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        // An error is a trap: most languages would abort on a refusal anyway, and less clearly.
        self.0
            .grow(desired.saturating_sub(current).saturating_mul(unit))?;
        Ok(true)
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.grow(current, desired, maximum, 1)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.grow(current, desired, maximum, ELEMENT)
    }
}
