//! OONI data formats: envelope, observations, failure strings, scrubbing; whether a measurement is in them.
//!
//! What belongs here: types that describe a measurement as it is written, their serialisation both ways, and pure
//! functions over them. What does not: sockets, clocks, Wasm, files. The formats are those of ooni/spec
//! (`data-formats/df-*`); observations are written in the "step" dialect, the one with `t0` and `transaction_id`.

pub mod binary;
pub mod bogon;
pub mod check;
pub mod failure;
pub mod location;
pub mod measurement;
pub mod observation;
pub mod scrub;

pub use binary::{BinaryData, MaybeBinary};
pub use failure::{Failure, FailureCode, Operation};
pub use location::{Location, Locations};
pub use measurement::Measurement;
pub use observation::Observations;
pub use scrub::Scrubber;
