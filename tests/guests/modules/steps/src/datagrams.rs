//! Steps with datagrams. The first one that is sent opens the socket of the list, for addresses of its own kind.

use std::rc::Rc;

use netsonde_guest::{Failure, Json, UdpOptions, UdpSocket, json, udp};
use serde::Deserialize;

use crate::{Walk, read};

/// `{"do": "send", "to": "192.0.2.1:7", "text": "hello"}`, or with `hex` in the place of `text`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Send {
    to: String,
    #[serde(default)]
    text: String,
    /// Behind the text.
    #[serde(default)]
    hex: String,
    /// Zeros follow until the datagram has so many bytes.
    #[serde(default)]
    pad_to: usize,
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
        let mut bytes = self.text.as_bytes().to_vec();
        bytes
            .extend(read::hex(&self.hex).ok_or_else(|| {
                Failure::top_level("invalid_argument", format!("{:?} is no hex", self.hex))
            })?);
        bytes.resize(bytes.len().max(self.pad_to), 0);
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
                "stun_address": read::stun_address(&datagram.bytes()),
                "quic_versions": read::quic_versions(&datagram.bytes()),
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
