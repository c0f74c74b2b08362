//! OONI data formats: envelope, observations, failure strings, scrubbing.
