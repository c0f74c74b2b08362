//! `http3-domain@v1`: look a domain up, leave bogons out, and with every address, two at a time, shake hands over QUIC and
//! make one HTTP/3 transaction. Observed as `queries`, `quic_handshakes` and `requests`.

use netsonde_guest::steps::{HttpArguments, ServerArguments};
use netsonde_guest::{Failure, Json, MiniNettest, Steps, export_mini_nettest, json};
use serde::Deserialize;

/// The mini nettest.
pub struct Http3Domain;

/// Its arguments.
#[derive(Deserialize)]
pub struct With {
    #[serde(flatten)]
    server: ServerArguments,
    #[serde(flatten)]
    http: HttpArguments,
}

impl MiniNettest for Http3Domain {
    type With = With;

    async fn run(with: With, steps: &Steps) -> Result<Json, Failure> {
        let addresses = steps.public_addresses(&with.server.domain).await?;
        let one_address = async |endpoint, address: &str| {
            let connection = steps.quic_handshake(&endpoint, address, &with.server).await?;
            let request = with.http.request("https", &with.server.domain, with.server.port);
            steps.fetch(&endpoint, &connection, &request).await
        };
        let response = steps.each(&addresses, one_address).await?;
        Ok(json!({ "addresses": addresses, "status": response.status() }))
    }
}

export_mini_nettest!(Http3Domain);
