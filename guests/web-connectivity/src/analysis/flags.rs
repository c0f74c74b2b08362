//! The flag words: what was seen, with the verdict left to the reader.

use crate::analysis::control::Control;
use crate::analysis::dns::Lookups;
use crate::analysis::endpoint::Endpoints;

/// The flag words. Bits add up.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Flags {
    /// 1 an answer that can not be a public server's, 2 an unexpected failure, 4 unexpected addresses.
    pub(super) dns: u32,
    /// 1 DNS, 2 TCP, 4 TLS, 8 HTTP failure, 16 another page, 32 success.
    pub(super) blocking: u32,
    /// Why nothing may be blocked although something failed, or the reverse: 1 expected DNS failure, 2 expected TCP
    /// failure, 4 expected TLS failure, 8 a page over TLS without control, 16 an unexpected answer.
    pub(super) null_null: u32,
}

impl Flags {
    /// From all observations.
    pub(super) fn of(
        lookups: &Lookups<'_>,
        endpoints: &Endpoints<'_>,
        control: Option<&Control<'_>>,
    ) -> Self {
        let last = endpoints.last;
        // A redirect led to where the test helper did not look; but it got a page in the end, and the probe got none.
        let is_stuck = last.is_none() && control.and_then(Control::http_failure) == Some("");
        let is_secure = last.is_some_and(|last| last.is_secure);
        let is_clear = last.is_some_and(|last| !last.is_secure && last.has_control);
        let is_other = endpoints.diff(control).is_other_page();
        let is_unproven = last.is_some_and(|last| last.is_secure && !last.has_control);
        let unexpected_dns = lookups.failures.any_unexpected || lookups.any_invalid;
        Self {
            dns: word([
                lookups.any_bogon,
                lookups.failures.any_unexpected,
                lookups.any_invalid,
                false,
                false,
                false,
            ]),
            blocking: word([
                unexpected_dns || is_stuck && lookups.failures.any_unexplained,
                endpoints.tcp.any_unexpected || is_stuck && endpoints.tcp.any_unexplained,
                endpoints.tls.any_unexpected || is_stuck && endpoints.tls.any_unexplained,
                endpoints.http.any_unexpected || is_stuck && endpoints.http.any_unexplained,
                is_clear && is_other,
                is_secure || is_clear && !is_other,
            ]),
            null_null: word([
                lookups.failures.any_expected,
                endpoints.tcp.any_expected,
                endpoints.tls.any_expected,
                is_unproven,
                lookups.is_success_unexpected(control),
                false,
            ]),
        }
    }
}

/// A word of bits, the lowest first.
fn word(bits: [bool; 6]) -> u32 {
    bits.into_iter()
        .rev()
        .fold(0, |word, bit| word << 1 | u32::from(bit))
}
