//! `tcp-connect-domain@v1`: look a domain up, leave bogons out, connect to all addresses, two at a time. Observed as
//! `queries` and `tcp_connect`.

use netsonde_guest::{Failure, Json, MiniNettest, Steps, export_mini_nettest, json};
use serde::Deserialize;

/// The mini nettest.
pub struct TcpConnectDomain;

/// Its arguments.
#[derive(Deserialize)]
pub struct With {
    domain: String,
    port: u16,
}

impl MiniNettest for TcpConnectDomain {
    type With = With;

    async fn run(with: With, steps: &Steps) -> Result<Json, Failure> {
        let addresses = steps.public_addresses(&with.domain).await?;
        steps
            .each(&addresses, async |endpoint, address| {
                steps.connect(&endpoint, address, with.port).await
            })
            .await?;
        Ok(json!({ "addresses": addresses }))
    }
}

export_mini_nettest!(TcpConnectDomain);
