//! Resolvers: each knows every name of the scenario.

use super::{EchServers, records};
use crate::dns::{Question, Statement};
use crate::scenario::{Claim, Rcode, Scenario};
use hickory_proto::rr::RData;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio_rustls::TlsAcceptor;

/// How many CNAMEs are followed.
const LONGEST_CHAIN: usize = 8;
/// The largest query over UDP that is read.
const LARGEST_QUERY: usize = 4096;

/// What a resolver knows: names in lower case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Zone(HashMap<String, Entry>);

#[derive(Clone, Debug)]
enum Entry {
    Known(Vec<IpAddr>, Vec<RData>),
    CanonicalName(String),
    Asker,
    Nxdomain,
    Failed(Rcode),
}

impl Zone {
    /// All names of the scenario, as they are; `published` are the hosts' ECH configurations.
    pub(crate) fn truth(scenario: &Scenario, published: &EchServers) -> Self {
        let mut zone = HashMap::new();
        for host in &scenario.hosts {
            let entry = match &host.cname {
                Some(target) => Entry::CanonicalName(target.to_ascii_lowercase()),
                None => Entry::Known(
                    host.addresses.clone(),
                    records::of(host, published.get(&host.name).map(|ech| ech.published())),
                ),
            };
            for name in host.names() {
                zone.insert(name.to_ascii_lowercase(), entry.clone());
            }
            for address in &host.addresses {
                if let Some((reverse, pointer)) = records::reverse(*address, &host.name) {
                    zone.entry(reverse)
                        .or_insert_with(|| Entry::Known(Vec::new(), vec![pointer]));
                }
            }
        }
        Self(zone).with(&scenario.names)
    }

    /// The same but for these names.
    pub(crate) fn with(mut self, claims: &BTreeMap<String, Claim>) -> Self {
        for (name, claim) in claims {
            let entry = match claim {
                Claim::Dns(addresses) => Entry::Known(addresses.clone(), Vec::new()),
                Claim::Cname(target) => Entry::CanonicalName(target.to_ascii_lowercase()),
                Claim::Asker => Entry::Asker,
                Claim::Nxdomain => Entry::Nxdomain,
                Claim::Rcode(rcode) => Entry::Failed(*rcode),
            };
            self.0.insert(name.to_ascii_lowercase(), entry);
        }
        self
    }

    /// The response to a query of `asker`'s; nothing to what is no query.
    pub(super) fn respond(&self, query: &[u8], asker: IpAddr) -> Option<Vec<u8>> {
        let question = Question::read(query)?;
        let (chain, entry) = self.follow(&question.name);
        let askers = [asker];
        question.answer(match entry {
            Some(Entry::Known(addresses, records)) => Statement::Known(&chain, addresses, records),
            Some(Entry::Asker) => Statement::Known(&chain, &askers, &[]),
            Some(Entry::Failed(rcode)) => Statement::Failed(*rcode),
            Some(Entry::CanonicalName(_) | Entry::Nxdomain) | None => Statement::Nxdomain,
        })
    }

    /// The addresses of a name.
    pub(super) fn addresses(&self, name: &str) -> &[IpAddr] {
        match self.follow(&name.to_ascii_lowercase()).1 {
            Some(Entry::Known(addresses, _)) => addresses,
            _ => &[],
        }
    }

    /// What is known of a name, and of what it is another name for; the names passed on the way.
    fn follow(&self, name: &str) -> (Vec<&str>, Option<&Entry>) {
        let mut chain: Vec<&str> = Vec::new();
        let mut entry = self.0.get(name);
        while let Some(Entry::CanonicalName(target)) = entry
            && chain.len() < LONGEST_CHAIN
        {
            chain.push(target);
            entry = self.0.get(target);
        }
        (chain, entry)
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
        if let Some(response) = buffer
            .get(..length)
            .and_then(|query| zone.respond(query, from.ip()))
        {
            let _ = socket.send_to(&response, from).await;
        }
    }
}

/// Answers queries over TCP (RFC 7766), any number on a connection.
pub(crate) async fn serve_tcp(listener: TcpListener, zone: Arc<Zone>) {
    loop {
        let Ok((stream, asker)) = listener.accept().await else {
            continue;
        };
        let zone = Arc::clone(&zone);
        // A client that breaks off is no concern of the server's.
        tokio::spawn(async move { answer_all(stream, &zone, asker.ip()).await.ok() });
    }
}

/// Answers queries over TLS (RFC 7858).
pub(crate) async fn serve_tls(listener: TcpListener, tls: TlsAcceptor, zone: Arc<Zone>) {
    loop {
        let Ok((stream, asker)) = listener.accept().await else {
            continue;
        };
        let (tls, zone) = (tls.clone(), Arc::clone(&zone));
        // A client that breaks off is no concern of the server's.
        tokio::spawn(async move { answer_all(tls.accept(stream).await?, &zone, asker.ip()).await });
    }
}

async fn answer_all(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    zone: &Zone,
    asker: IpAddr,
) -> io::Result<()> {
    while answer_one(&mut stream, zone, asker).await? {}
    Ok(())
}

/// Reads a query behind its length and answers in the same way; false when it was no query.
pub(super) async fn answer_one(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    zone: &Zone,
    asker: IpAddr,
) -> io::Result<bool> {
    let length = stream.read_u16().await?;
    let mut query = vec![0; usize::from(length)];
    stream.read_exact(&mut query).await?;
    let Some(response) = zone.respond(&query, asker) else {
        return Ok(false);
    };
    let length = u16::try_from(response.len()).map_err(io::Error::other)?;
    stream
        .write_all(&[&length.to_be_bytes()[..], &response].concat())
        .await?;
    stream.flush().await?;
    Ok(true)
}
