//! `web_connectivity` 0.5.28: can a website be reached, and if not, at which step is it held up?
//!
//! `reduce` ([`analysis`]) says what the observations mean, and nothing else: it gives the same keys for the
//! measurement of any probe.

pub mod analysis;
