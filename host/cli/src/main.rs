//! The netsonde command line.
fn main() {}
