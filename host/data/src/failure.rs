//! Failures: OONI's strings (df-007), the operations that fail, and the record that carries both to a guest.

mod code;
mod operation;
mod os;

pub use code::FailureCode;
pub use operation::Operation;

use serde::{Deserialize, Serialize};

/// Why an operation failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{detail}")]
pub struct Failure {
    /// The OONI failure string.
    pub code: FailureCode,
    /// The operation that failed.
    pub operation: Operation,
    /// One sentence for people: what was being done, to what, and what went wrong.
    pub detail: String,
}

impl Failure {
    /// A failure of `operation`; `detail` says what was being done and to what, and the code is appended to it.
    pub fn new(code: FailureCode, operation: Operation, doing: &str) -> Self {
        let detail = format!("{doing}: {code}");
        Self {
            code,
            operation,
            detail,
        }
    }
}
