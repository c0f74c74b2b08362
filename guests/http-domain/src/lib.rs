//! `http-domain@v1`: look a domain up, leave bogons out, and make one HTTP transaction in cleartext with every address,
//! two at a time. Observed as `queries`, `tcp_connect` and `requests`.

use netsonde_guest::steps::HttpArguments;
use netsonde_guest::{Failure, Json, MiniNettest, Steps, export_mini_nettest, json};
use serde::Deserialize;

/// The mini nettest.
pub struct HttpDomain;

/// Its arguments.
#[derive(Deserialize)]
pub struct With {
    domain: String,
    #[serde(default = "http_port")]
    port: u16,
    #[serde(flatten)]
    http: HttpArguments,
}

fn http_port() -> u16 {
    80
}

impl MiniNettest for HttpDomain {
    type With = With;

    async fn run(with: With, steps: &Steps) -> Result<Json, Failure> {
        let addresses = steps.public_addresses(&with.domain).await?;
        let one_address = async |endpoint, address: &str| {
            let connection = steps.connect(&endpoint, address, with.port).await?;
            let request = with.http.request("http", &with.domain, with.port);
            steps.fetch(&endpoint, &connection, &request).await
        };
        let response = steps.each(&addresses, one_address).await?;
        Ok(json!({ "addresses": addresses, "status": response.status() }))
    }
}

export_mini_nettest!(HttpDomain);
