//! Failures that a guest makes itself, and choosing among those that it met.

use crate::{Failure, HandshakeFailure};

impl Failure {
    /// A failure of the guest's own logic.
    pub fn top_level(code: &str, detail: String) -> Self {
        Self {
            code: code.to_owned(),
            operation: "top_level".to_owned(),
            detail,
        }
    }

    /// Whether the code says nothing but a free text.
    pub fn is_unknown(&self) -> bool {
        is_unknown(&self.code)
    }
}

impl From<HandshakeFailure> for Failure {
    /// Why the handshake failed. The certificates and what else remains of it are gone then.
    fn from(failed: HandshakeFailure) -> Self {
        failed.failure()
    }
}

/// Whether an OONI failure string says nothing but a free text.
pub(crate) fn is_unknown(code: &str) -> bool {
    code.starts_with("unknown_failure")
}

/// Out of what became of several endpoints: the first success, otherwise the first failure that is not unknown,
/// otherwise the first failure. `None` if there is nothing to choose from.
pub fn first_success<T>(results: impl IntoIterator<Item = Result<T, Failure>>) -> Option<Result<T, Failure>> {
    let mut best: Option<Failure> = None;
    for result in results {
        match (result, &best) {
            (Ok(value), _) => return Some(Ok(value)),
            (Err(failure), None) => {
                best = Some(failure);
            }
            (Err(failure), Some(known)) if known.is_unknown() && !failure.is_unknown() => {
                best = Some(failure);
            }
            (Err(_), Some(_)) => {}
        }
    }
    best.map(Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(code: &str) -> Result<u8, Failure> {
        Err(Failure::top_level(code, String::new()))
    }

    fn code(result: Option<Result<u8, Failure>>) -> String {
        result.unwrap().unwrap_err().code
    }

    #[test]
    fn one_success_is_enough() {
        assert!(matches!(
            first_success([failed("connection_refused"), Ok(7)]),
            Some(Ok(7))
        ));
    }

    #[test]
    fn the_first_failure_counts_unless_it_is_unknown() {
        assert_eq!(
            code(first_success([failed("connection_refused"), failed("eof_error")])),
            "connection_refused"
        );
        let unknown = [
            failed("unknown_failure: x"),
            failed("connection_reset"),
            failed("eof_error"),
        ];
        assert_eq!(code(first_success(unknown)), "connection_reset");
        assert_eq!(
            code(first_success([
                failed("unknown_failure: x"),
                failed("unknown_failure")
            ])),
            "unknown_failure: x"
        );
    }

    #[test]
    fn nothing_is_neither_success_nor_failure() {
        assert!(first_success(Vec::<Result<u8, Failure>>::new()).is_none());
    }
}
