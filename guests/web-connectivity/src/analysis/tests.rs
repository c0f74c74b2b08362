//! The derived keys of the 50 scenarios that the reference implementation is checked with, without a network: `net` says
//! what each step would have met, `measure` writes down what a probe would have observed.

mod archive;
mod measure;
mod net;
mod scenarios;
