//! A transparent proxy: passes connections on to the host whose name they begin with.

use super::dns::Zone;
use crate::censor;
use crate::tls::hello::ClientHello;
use crate::tls::records::{self, Beginning};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The longest beginning in which a name is looked for: more than the largest TLS record.
const LONGEST: usize = 32 * 1024;

/// Passes each connection on.
pub(super) async fn serve(listener: TcpListener, zone: Arc<Zone>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let zone = Arc::clone(&zone);
        // A side that breaks off is the other side's to notice.
        tokio::spawn(async move { pass_on(stream, &zone).await.ok() });
    }
}

async fn pass_on(mut client: TcpStream, zone: &Zone) -> io::Result<()> {
    let here = client.local_addr()?;
    let mut beginning = Vec::new();
    let name = loop {
        if let Some(name) = name_in(&beginning) {
            break name;
        }
        if beginning.len() > LONGEST || client.read_buf(&mut beginning).await? == 0 {
            return Ok(());
        }
    };
    // Never to itself, which would go on for ever.
    let mut addresses = zone.addresses(&name).iter();
    let Some(address) = addresses.find(|address| **address != here.ip()) else {
        return Ok(());
    };
    let mut server = TcpStream::connect((*address, here.port())).await?;
    server.write_all(&beginning).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

/// The host that a connection is for, once it has said so.
fn name_in(beginning: &[u8]) -> Option<String> {
    match records::client_hello(beginning) {
        Beginning::Whole { body, .. } => ClientHello::read(&body)?.server_name(),
        Beginning::Partial(_) | Beginning::Other => censor::host(beginning),
    }
}
