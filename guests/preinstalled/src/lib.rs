//! The preinstalled guests, built from source and embedded with their digests.
