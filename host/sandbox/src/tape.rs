//! Transcripts: everything that an instance asked its host, and what it was told, in order.
//!
//! `record` writes one while a guest runs, `replay` answers a guest from one, `transcript` is the file itself. What a
//! guest does depends on nothing but its argument and the answers it gets in their order, so that is what is kept:
//! which answers came at once and which later, in which order, between which calls, and which calls were given up.

pub(crate) mod record;
pub(crate) mod replay;
pub(crate) mod transcript;

/// How often an answer that comes later lets everything else go first before it is handed over, when recording and when
/// replaying alike. wasmtime takes a few steps from an answer to the guest that waits for it. A second answer in between
/// would be seen first or second by chance.
const SETTLE: usize = 32;

/// A function of the linking table, as transcripts name it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Function {
    pub(crate) interface: &'static str,
    pub(crate) name: &'static str,
    /// What its arguments are called.
    pub(crate) arguments: &'static [&'static str],
}

impl Function {
    /// `tcp.connect`.
    fn path(&self) -> String {
        format!("{}.{}", self.interface, self.name)
    }
}
