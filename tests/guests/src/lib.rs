//! Hostile guests, for tests only.
