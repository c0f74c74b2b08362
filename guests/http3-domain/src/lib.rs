//! `http3-domain@v1`: look a domain up, leave bogons out, and with every address, two at a time, shake hands over QUIC and
//! make one HTTP/3 transaction. Observed as `queries`, `quic_handshakes` and `requests`.

use netsonde_guest::steps::{HttpArguments, fetch, quic_handshake};
use netsonde_guest::{Failure, Json, MiniNettest, Steps, export_mini_nettest, json};
use serde::Deserialize;

/// The mini nettest.
pub struct Http3Domain;

/// Its arguments.
#[derive(Deserialize)]
pub struct With {
    domain: String,
    #[serde(default = "usual_port")]
    port: u16,
    #[serde(default)]
    tls_server_name: String,
    #[serde(default)]
    x509_certs: Vec<String>,
    #[serde(flatten)]
    http: HttpArguments,
}

fn usual_port() -> u16 {
    443
}

impl MiniNettest for Http3Domain {
    type With = With;

    async fn run(with: With, steps: &Steps) -> Result<Json, Failure> {
        let addresses = steps.public_addresses(&with.domain).await?;
        let server_name = if with.tls_server_name.is_empty() {
            &with.domain
        } else {
            &with.tls_server_name
        };
        let one_address = async |endpoint, address: &str| {
            let connection =
                quic_handshake(&endpoint, address, with.port, server_name, &with.x509_certs).await?;
            let request = with.http.request("https", &with.domain, with.port);
            fetch(&endpoint, &connection, &request).await
        };
        let response = steps.each(&addresses, one_address).await?;
        Ok(json!({ "addresses": addresses, "status": response.status() }))
    }
}

export_mini_nettest!(Http3Domain);
