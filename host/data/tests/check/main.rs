//! The checker of formats, held against real measurements and against measurements that are wrong in one place.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod arbitrary;
mod broken;
mod sample;
mod samples;
