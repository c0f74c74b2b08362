//! What the connections, handshakes and HTTP transactions say.

use crate::analysis::address;
use crate::analysis::control::Control;
use crate::analysis::diff::Diff;
use crate::analysis::observation::{Observation, Response};

/// What there is among the endpoints.
#[derive(Debug, Default)]
pub(super) struct Endpoints<'b> {
    pub(super) tcp: Failures,
    pub(super) tls: Failures,
    pub(super) http: Failures,
    /// The response after which nothing followed.
    pub(super) last: Option<Last<'b>>,
}

/// Which failures of one stage there are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Failures {
    /// One that the test helper has, too.
    pub(super) any_expected: bool,
    /// One that the test helper does not have.
    pub(super) any_unexpected: bool,
    /// One that the test helper did not look at, because of a redirect or because it did not answer.
    pub(super) any_unexplained: bool,
}

/// The response after which nothing followed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Last<'b> {
    pub(super) response: &'b Response,
    /// Whether it came over TLS.
    pub(super) is_secure: bool,
    /// Whether the test helper said how its fetch went.
    pub(super) has_control: bool,
}

impl<'b> Endpoints<'b> {
    /// Count.
    pub(super) fn of(observations: &'b [Observation<'_>]) -> Self {
        let mut counts = Self::default();
        for seen in observations {
            let Some(endpoint) = &seen.endpoint else { continue };
            let (tcp, tls) = (failed(endpoint.tcp), failed(endpoint.tls));
            let is_unusable = tcp.is_some_and(|failure| is_for_want_of_ipv6(failure, seen.address));
            match (tcp, seen.depth, seen.helper.tcp) {
                (Some(_), Some(0), Some("")) => counts.tcp.any_unexpected |= !is_unusable,
                (Some(_), Some(0), Some(_)) => counts.tcp.any_expected = true,
                (None, ..) | (_, Some(0), None) => {}
                (Some(_), ..) => counts.tcp.any_unexplained |= !is_unusable,
            }
            match (tls, seen.depth, seen.helper.tls) {
                (Some(_), Some(0), Some("")) => counts.tls.any_unexpected = true,
                (Some(_), Some(0), Some(_)) => counts.tls.any_expected = true,
                (None, ..) | (_, Some(0), None) => {}
                (Some(_), ..) => counts.tls.any_unexplained = true,
            }
            match (failed(endpoint.http), seen.helper.http) {
                (Some(_), Some("")) => counts.http.any_unexpected = true,
                (Some(_), None) => counts.http.any_unexplained = true,
                // That the test helper got no page, either, is for the verdict to say.
                (Some(_), Some(_)) | (None, _) => {}
            }
            if let (None, Some(response)) = (counts.last, seen.final_response()) {
                counts.last = Some(Last {
                    response,
                    is_secure: endpoint.tls.is_some(),
                    has_control: seen.helper.http.is_some(),
                });
            }
        }
        counts
    }

    /// How the last response compares with the test helper's.
    pub(super) fn diff(&self, control: Option<&Control<'_>>) -> Diff {
        match (self.last, control) {
            (Some(last), Some(control)) if last.has_control => Diff::of(last.response, control),
            _ => Diff::default(),
        }
    }
}

fn failed(failure: Option<&str>) -> Option<&str> {
    failure.filter(|failure| !failure.is_empty())
}

/// Whether the probe has no IPv6 worth the name.
fn is_for_want_of_ipv6(failure: &str, address: &str) -> bool {
    matches!(failure, "network_unreachable" | "host_unreachable") && address::is_v6(address)
}
