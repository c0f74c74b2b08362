//! Finding the probe's public address: what others see when it speaks to them.
//!
//! For the probe's own use, not for measurements. It goes through the same primitives, so that the same clock, budget and
//! destination policy hold.

pub(crate) mod stun;

use crate::{ConnectOptions, Net, NetError, Transaction, http::Request, tls::HandshakeOptions};
use netsonde_data::failure::{Failure, FailureCode, Operation};
use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use url::Url;

/// How much of an answer is read at most.
const LONGEST_ANSWER: u64 = 1 << 16;

impl Net {
    /// Ask an HTTP server at `endpoint` for the address that it sees. `url` leads to a page that is the address, or has
    /// it in a line `ip=…` or in an element `<Ip>`.
    pub async fn public_address_by_http(
        &self,
        tx: &Transaction,
        endpoint: SocketAddr,
        url: &Url,
        within: Duration,
    ) -> Result<IpAddr, NetError> {
        let patience = ConnectOptions {
            timeout: Some(within),
            ..ConnectOptions::default()
        };
        let mut connection = self.connect(tx, endpoint, Some(patience)).await?;
        if url.scheme() == "https" {
            let options = HandshakeOptions {
                server_name: url.host_str().map(str::to_owned),
                alpn: vec!["http/1.1".to_owned()],
                timeout: Some(within),
                ..HandshakeOptions::default()
            };
            connection = self.handshake(tx, connection, options).await?;
        }
        let request = Request {
            url: url.to_string(),
            timeout: Some(within),
            body_snapshot_limit: LONGEST_ANSWER,
            ..Request::default()
        };
        let response = self.round_trip(tx, &connection, request).await?;
        let failed = |why: &str| {
            let doing = format!("ask {url} for the public address");
            Failure::new(FailureCode::unknown(why), Operation::HttpRoundTrip, &doing)
        };
        if let Some(failure) = response.body_failure {
            return Err(failure.into());
        }
        if response.status != 200 {
            return Err(failed(&format!("status {}", response.status)).into());
        }
        let text = String::from_utf8_lossy(&response.body);
        address_in(&text).ok_or_else(|| failed("there is no address in the answer").into())
    }
}

/// The address in what a service answers.
pub(crate) fn address_in(text: &str) -> Option<IpAddr> {
    let whole = text.trim().parse().ok();
    let of_line = || {
        text.lines()
            .find_map(|line| line.strip_prefix("ip=")?.trim().parse().ok())
    };
    let of_element = || {
        let (_, rest) = text.split_once("<Ip>")?;
        rest.split_once("</Ip>")?.0.trim().parse().ok()
    };
    whole.or_else(of_line).or_else(of_element)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_answer_in_several_ways() {
        let address = Some("192.0.2.1".parse().unwrap());
        for text in [
            "192.0.2.1\n",
            "fl=1\nip=192.0.2.1\nts=2\n",
            "<Response><Ip>192.0.2.1</Ip></Response>",
        ] {
            assert_eq!(address_in(text), address, "{text}");
        }
        assert_eq!(address_in("2001:db8::1"), Some("2001:db8::1".parse().unwrap()));
        assert_eq!(address_in("<html>192.0.2.1</html>"), None);
    }
}
