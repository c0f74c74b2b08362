//! What scripts mean, and what is said about those that are wrong.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

mod conformance;
mod vocabulary;
