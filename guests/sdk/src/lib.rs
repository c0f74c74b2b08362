//! Write netsonde nettests and mini nettests in Rust.
