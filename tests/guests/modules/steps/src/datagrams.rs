//! Steps with datagrams. The first one that is sent opens the socket of the list, for addresses of its own kind.

use std::rc::Rc;

use netsonde_guest::{Failure, Json, UdpOptions, UdpSocket, json, udp};
use serde::Deserialize;

use crate::Walk;

/// `{"do": "send", "to": "192.0.2.1:7", "text": "hello"}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Send {
    to: String,
    text: String,
    ttl: Option<u8>,
}

/// `{"do": "receive", "timeout_ms": 1000}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Receive {
    timeout_ms: Option<u32>,
}

impl Send {
    async fn socket(&self, walk: &Walk) -> Result<Rc<UdpSocket>, Failure> {
        let open = walk.socket.borrow().clone();
        if let Some(socket) = open {
            return Ok(socket);
        }
        let options = UdpOptions::new();
        if self.to.starts_with('[') {
            options.ipv6();
        }
        let socket = Rc::new(udp::open(&walk.transaction, &options).await?);
        walk.socket.replace(Some(socket.clone()));
        Ok(socket)
    }

    pub(crate) async fn take(&self, walk: &Walk) -> Result<Json, Failure> {
        let socket = self.socket(walk).await?;
        let bytes = self.text.as_bytes().to_vec();
        let number = udp::send(&socket, self.to.clone(), bytes, self.ttl).await?;
        Ok(json!({ "datagram": number }))
    }
}

impl Receive {
    pub(crate) async fn take(&self, walk: &Walk) -> Result<Json, Failure> {
        let none = || Failure::top_level("invalid_argument", "nothing was sent before this step".to_owned());
        let socket = walk.socket.borrow().clone().ok_or_else(none)?;
        let received = udp::receive(&socket, self.timeout_ms).await?;
        Ok(match (received.datagram(), received.icmp_error()) {
            (Some(datagram), _) => json!({
                "source": datagram.source(),
                "text": String::from_utf8_lossy(&datagram.bytes()),
            }),
            (None, Some(icmp)) => json!({
                "icmp": icmp.name(),
                "router": icmp.router(),
                "datagram": icmp.datagram(),
                "ttl": icmp.ttl(),
            }),
            (None, None) => Json::Null,
        })
    }
}
