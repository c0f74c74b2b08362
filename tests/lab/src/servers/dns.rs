//! Resolvers: each knows every name of the scenario.

use crate::dns::{Question, Statement};
use crate::scenario::{Lie, Scenario};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// How many CNAMEs are followed.
const LONGEST_CHAIN: usize = 8;
/// The largest query over UDP that is read.
const LARGEST_QUERY: usize = 4096;

/// What a resolver knows: names in lower case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Zone(HashMap<String, Entry>);

#[derive(Clone, Debug)]
enum Entry {
    Addresses(Vec<IpAddr>),
    CanonicalName(String),
    Nxdomain,
}

impl Zone {
    /// All names of the scenario, as they are.
    pub(crate) fn truth(scenario: &Scenario) -> Self {
        let mut zone = HashMap::new();
        for host in &scenario.hosts {
            let entry = match &host.cname {
                Some(target) => Entry::CanonicalName(target.to_ascii_lowercase()),
                None => Entry::Addresses(host.addresses.clone()),
            };
            for name in host.names() {
                zone.insert(name.to_ascii_lowercase(), entry.clone());
            }
        }
        Self(zone)
    }

    /// The truth but for these names.
    pub(crate) fn with_lies(truth: &Self, lies: &BTreeMap<String, Lie>) -> Self {
        let mut zone = truth.clone();
        for (name, lie) in lies {
            let entry = match lie {
                Lie::Dns(addresses) => Entry::Addresses(addresses.clone()),
                Lie::Nxdomain => Entry::Nxdomain,
            };
            zone.0.insert(name.to_ascii_lowercase(), entry);
        }
        zone
    }

    /// The response to a query; nothing to what is no query.
    fn respond(&self, query: &[u8]) -> Option<Vec<u8>> {
        let question = Question::read(query)?;
        let mut chain: Vec<&str> = Vec::new();
        let mut name = question.name.as_str();
        while chain.len() <= LONGEST_CHAIN {
            match self.0.get(name) {
                Some(Entry::CanonicalName(target)) => {
                    chain.push(target);
                    name = target;
                }
                Some(Entry::Addresses(addresses)) => {
                    return question.answer(Statement::Known(&chain, addresses));
                }
                Some(Entry::Nxdomain) | None => break,
            }
        }
        question.answer(Statement::Nxdomain)
    }
}

/// Answers queries over UDP.
pub(crate) async fn serve_udp(socket: UdpSocket, zone: Arc<Zone>) {
    let mut buffer = vec![0; LARGEST_QUERY];
    loop {
        // An error is the echo of an earlier answer that found no taker.
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        if let Some(response) = buffer.get(..length).and_then(|query| zone.respond(query)) {
            let _ = socket.send_to(&response, from).await;
        }
    }
}

/// Answers queries over TCP (RFC 7766), any number on a connection.
pub(crate) async fn serve_tcp(listener: TcpListener, zone: Arc<Zone>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let zone = Arc::clone(&zone);
        // A client that breaks off is no concern of the server's.
        tokio::spawn(async move { answer_all(stream, &zone).await.ok() });
    }
}

async fn answer_all(mut stream: TcpStream, zone: &Zone) -> std::io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut query = vec![0; usize::from(length)];
        stream.read_exact(&mut query).await?;
        let Some(response) = zone.respond(&query) else {
            return Ok(());
        };
        let length = u16::try_from(response.len()).map_err(std::io::Error::other)?;
        let framed = [&length.to_be_bytes()[..], &response].concat();
        stream.write_all(&framed).await?;
    }
}
