//! The HTTP side of a connection.

/// A connection that speaks HTTP.
#[derive(Debug)]
pub(crate) struct Client;
