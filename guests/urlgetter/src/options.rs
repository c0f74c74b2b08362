//! The options, as `nettest.toml` declares them.

use netsonde_guest::{Failure, Json, Map};
use serde::Deserialize;

use crate::unknown;

/// What to do differently.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Options {
    #[serde(rename = "TLSServerName")]
    pub(crate) tls_server_name: String,
    #[serde(rename = "TLSVersion")]
    pub(crate) tls_version: String,
    #[serde(rename = "HTTPHost")]
    pub(crate) http_host: String,
    #[serde(rename = "HTTP3Enabled")]
    pub(crate) http3_enabled: bool,
    #[serde(rename = "NoTLSVerify")]
    pub(crate) no_tls_verify: bool,
    #[serde(rename = "NoFollowRedirects")]
    pub(crate) no_follow_redirects: bool,
    #[serde(rename = "Method")]
    pub(crate) method: String,
    #[serde(rename = "UserAgent")]
    pub(crate) user_agent: String,
    #[serde(rename = "ResolverURL")]
    pub(crate) resolver_url: String,
    #[serde(rename = "RejectDNSBogons")]
    pub(crate) reject_dns_bogons: bool,
    #[serde(rename = "DNSCache")]
    pub(crate) dns_cache: String,
    #[serde(rename = "DNSHTTPHost")]
    pub(crate) dns_http_host: String,
    #[serde(rename = "DNSTLSServerName")]
    pub(crate) dns_tls_server_name: String,
    #[serde(rename = "DNSTLSVersion")]
    pub(crate) dns_tls_version: String,
    /// What this version does not know.
    #[serde(flatten)]
    rest: Map<String, Json>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tls_server_name: String::new(),
            tls_version: String::new(),
            http_host: String::new(),
            http3_enabled: false,
            no_tls_verify: false,
            no_follow_redirects: false,
            method: "GET".to_owned(),
            user_agent: String::new(),
            resolver_url: String::new(),
            reject_dns_bogons: false,
            dns_cache: String::new(),
            dns_http_host: String::new(),
            dns_tls_server_name: String::new(),
            dns_tls_version: String::new(),
            rest: Map::new(),
        }
    }
}

impl Options {
    /// Refuse to measure something else than what was asked for: an option that is not known here would change what is
    /// measured, unless it has the value that means nothing.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let means_nothing = |value: &Json| match value {
            Json::Null | Json::Bool(false) => true,
            Json::String(text) => text.is_empty(),
            Json::Number(number) => number.as_f64() == Some(0.0),
            _ => false,
        };
        match self.rest.iter().find(|(_, value)| !means_nothing(value)) {
            Some((name, _)) => Err(unknown(&format!("unsupported option {name}"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str) -> Options {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn options_that_are_not_given_have_their_usual_values() {
        let options = options(r#"{"TLSServerName": "dns.google"}"#);
        assert_eq!(options.tls_server_name, "dns.google");
        assert_eq!(options.method, "GET");
        assert!(options.check().is_ok());
    }

    #[test]
    fn an_option_that_would_change_what_is_measured_is_refused() {
        let failure = options(r#"{"FailOnHTTPError": true}"#).check().unwrap_err();
        assert_eq!(
            failure.code,
            "unknown_failure: unsupported option FailOnHTTPError"
        );
        assert_eq!(failure.operation, "top_level");
        assert!(
            options(r#"{"FailOnHTTPError": false, "Tunnel": "", "Other": null}"#)
                .check()
                .is_ok()
        );
    }
}
