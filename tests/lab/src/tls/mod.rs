//! TLS as it looks on the wire: the `ClientHello`, read by the censor, who may see only part of it, and by servers
//! with Encrypted Client Hello, who take it apart.
//!
//! `hello` reads the message, `records` gets it out of the records of a TCP stream.

pub(crate) mod hello;
pub(crate) mod records;
