//! HTTP/1.1, spoken byte for byte: what the caller gives goes out as it is, and what comes back keeps its spelling, its
//! order and its duplicates. Hyper keeps none of the three, which is why it is not used here.

mod decoder;
mod framing;
mod lines;
mod link;
mod wrong;

pub use decoder::{Decoder, Event, Header};
pub(crate) use link::Client;
pub use wrong::{Cut, Malformed};
