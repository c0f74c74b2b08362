//! `http-address@v1`: connect to an address and make one HTTP transaction in cleartext, whatever the port. Observed as
//! `tcp_connect` and `requests`.

use netsonde_guest::steps::HttpArguments;
use netsonde_guest::{Failure, Json, MiniNettest, Steps, export_mini_nettest, json};
use serde::Deserialize;

/// The mini nettest.
pub struct HttpAddress;

/// Its arguments.
#[derive(Deserialize)]
pub struct With {
    ip_address: String,
    #[serde(default = "http_port")]
    port: u16,
    #[serde(flatten)]
    http: HttpArguments,
}

fn http_port() -> u16 {
    80
}

impl MiniNettest for HttpAddress {
    type With = With;

    async fn run(with: With, steps: &Steps) -> Result<Json, Failure> {
        let endpoint = steps.begin();
        let connection = steps.connect(&endpoint, &with.ip_address, with.port).await?;
        let request = with.http.request("http", &with.ip_address, with.port);
        let response = steps.fetch(&endpoint, &connection, &request).await?;
        Ok(json!({ "status": response.status() }))
    }
}

export_mini_nettest!(HttpAddress);
