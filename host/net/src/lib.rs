//! Measurement primitives over real sockets; each appends observations to a trace.
