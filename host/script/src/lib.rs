//! Parses, checks and normalises richer-input scripts.
