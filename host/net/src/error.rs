//! How an operation can end badly.

use crate::sys;
use netsonde_data::failure::{Failure, FailureCode, Operation};
use std::{fmt, io};

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
    /// `ports of one address`; or `open files`, of which the system allows this process no more.
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

impl Exceeded {
    pub(crate) const OPEN_FILES: &str = "open files";

    /// If this error is that too many files are open: the limit of that, which is the system's. Nothing that fails for this reason
    /// says anything about the network.
    pub fn open_files(error: &io::Error) -> Option<Self> {
        sys::is_out_of_files(error).then(|| Self {
            what: Self::OPEN_FILES,
            limit: sys::most_open_files(),
        })
    }
}

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
