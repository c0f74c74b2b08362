//! The registry's public log: what it says, who may say it, and how to prove it.
//!
//! Pure: bytes and a clock go in, verdicts come out. Nothing here opens a socket or a file; the server and the probe do.
