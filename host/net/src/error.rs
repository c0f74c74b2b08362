//! How an operation can end badly.

use netsonde_data::failure::{Failure, FailureCode, Operation};
use std::fmt;

/// Why an operation did not give a result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// The network, the peer or the arguments were at fault; an ordinary result of a measurement.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The budget ran out: before the operation, which then did nothing, or while it went on.
    #[error("the budget is used up: {0}")]
    Exceeded(#[from] Exceeded),
}

/// Which limit of the budget was hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// What there was too much of: `connections`, `queries`, `bytes_sent`, `bytes_received`, `observations`, `addresses`,
    /// `ports of one address`.
    pub what: &'static str,
    /// How much was allowed.
    pub limit: u64,
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: more than {}", self.what, self.limit)
    }
}

impl std::error::Error for Exceeded {}

impl NetError {
    /// A failure of `operation`; `doing` says what was being done and to what.
    pub(crate) fn failed(code: FailureCode, operation: Operation, doing: &str) -> Self {
        Self::Failed(Failure::new(code, operation, doing))
    }

    /// The code that the observation of the operation carries.
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Failed(failure) => failure.code.clone(),
            Self::Exceeded(_) => FailureCode::INTERRUPTED,
        }
    }
}
