//! Memory of an instance: every growth is in the books before it happens, and the books close with the instance.

use std::sync::Arc;

use wasmtime::ResourceLimiter;

use crate::ledger::{Account, Ledger};

/// Bytes that one element of a table takes.
const ELEMENT: usize = size_of::<usize>();

/// What an instance holds of linear memories and tables.
pub(crate) struct Memory {
    ledger: Arc<Ledger>,
    held: u64,
}

impl Memory {
    pub(crate) fn new(ledger: Arc<Ledger>) -> Self {
        Self { ledger, held: 0 }
    }

    fn grow(&mut self, bytes: usize) -> wasmtime::Result<bool> {
        self.held = self.held.saturating_add(bytes as u64);
        // An error is a trap: most languages would abort on a refusal anyway, and less clearly.
        self.ledger.add(Account::Memory, bytes as u64)?;
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
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.grow(desired.saturating_sub(current))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.grow(desired.saturating_sub(current).saturating_mul(ELEMENT))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.ledger.sub(Account::Memory, self.held);
    }
}
