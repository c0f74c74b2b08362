//! Loads Wasm modules, links only granted interfaces, enforces budgets.
