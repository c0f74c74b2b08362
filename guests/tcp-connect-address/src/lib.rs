//! `tcp-connect-address@v1`: connect to an address. Observed as `tcp_connect`.

use netsonde_guest::{Failure, Json, MiniNettest, Steps, export_mini_nettest, json};
use serde::Deserialize;

/// The mini nettest.
pub struct TcpConnectAddress;

/// Its arguments.
#[derive(Deserialize)]
pub struct With {
    ip_address: String,
    port: u16,
}

impl MiniNettest for TcpConnectAddress {
    type With = With;

    async fn run(with: With, steps: &Steps) -> Result<Json, Failure> {
        steps.connect(&steps.begin(), &with.ip_address, with.port).await?;
        Ok(json!({}))
    }
}

export_mini_nettest!(TcpConnectAddress);
