//! Taking addresses out of what leaves the probe.
//!
//! Two independent mechanisms, as in OONI:
//!
//! * [`Scrubber`] knows the probe's own addresses and removes them, in the many spellings it names, from a whole measurement.
//! * [`address_looking`] knows nothing and removes whatever looks like an address; it is applied to header values,
//!   bodies and the text of unknown failures, where a middlebox may have written the address of the probe or of
//!   somebody else.

mod known;
mod looking;
mod scan;

pub use known::Scrubber;
pub use looking::{address_looking, address_looking_text};

/// What stands in place of an address.
pub const SCRUBBED: &str = "[scrubbed]";

impl crate::MaybeBinary {
    /// `bytes` with everything that looks like an address scrubbed.
    pub fn scrubbed(bytes: &[u8]) -> Self {
        Self(address_looking(bytes).into_owned())
    }
}
