//! Builds guest crates into components, reproducibly.
