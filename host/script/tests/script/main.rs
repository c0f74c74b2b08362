//! What scripts mean, and what is said about those that are wrong.

#![expect(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod conformance;
mod diagnostics;
mod examples;
mod locations;
mod meaning;
mod robustness;
mod vocabulary;
