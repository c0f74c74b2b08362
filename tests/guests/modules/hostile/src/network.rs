//! Misbehaviour on the network, and behaviour that is merely demanding.

use std::pin::pin;
use std::task::Poll;

use futures::future::{Either, join_all, select};
use netsonde_guest::{Connection, DnsOptions, Failure, Json, begin, dns, info, json, tcp};

use crate::{Options, memory};

pub(crate) async fn misbehave(options: Options) -> Result<Json, Failure> {
    let Options {
        mode,
        endpoint,
        domain,
        count,
        ..
    } = options;
    match mode.as_str() {
        "hang" => hang(&endpoint).await,
        "trap_in_flight" => in_flight(&endpoint, count, || memory::trap()).await,
        "loop_in_flight" => in_flight(&endpoint, count, || memory::spin()).await,
        "busy" => busy(&endpoint, u64::from(count)).await,
        "cancel" => cancel(&endpoint).await,
        "cancel_connect" => cancel_connect(&endpoint).await,
        "cancel_lookup" => Ok(cancel_lookup(&domain).await),
        "connect_many" => Ok(connect_many(&endpoint, count).await),
        "lookup_many" => Ok(lookup_many(&domain, count).await),
        "queries" => loop {
            let _ = lookup(&domain).await;
        },
        "connections" => loop {
            let _ = connect(&endpoint).await;
        },
        "bytes_sent" => {
            let connection = connect(&endpoint).await?;
            loop {
                tcp::write(&connection, vec![b'x'; 65_536], None).await?;
            }
        }
        "bytes_received" => {
            let connection = connect(&endpoint).await?;
            loop {
                tcp::read(&connection, 65_536, None).await?;
            }
        }
        "observe" => observe(&endpoint).await,
        other => Err(Failure::top_level(
            "invalid_argument",
            format!("the mode {other} is not known"),
        )),
    }
}

async fn connect(endpoint: &str) -> Result<Connection, Failure> {
    tcp::connect(&begin(&[], None), endpoint.to_owned(), None).await
}

async fn lookup(domain: &str) -> Result<Vec<String>, Failure> {
    let answer = dns::lookup(&begin(&[], None), domain.to_owned(), &DnsOptions::new()).await?;
    Ok(answer.addresses())
}

/// Read from a server that says nothing.
async fn hang(endpoint: &str) -> Result<Json, Failure> {
    let connection = connect(endpoint).await?;
    let read = tcp::read(&connection, 1, None).await;
    Ok(json!({ "read": read.is_ok() }))
}

/// Leave `count` reads waiting, and then do something.
async fn in_flight(endpoint: &str, count: u32, then: impl FnOnce()) -> Result<Json, Failure> {
    let connections: Vec<_> = join_all((0..count).map(|_| connect(endpoint))).await;
    let connections: Vec<_> = connections.into_iter().collect::<Result<_, _>>()?;
    let mut reads: Vec<_> = connections
        .iter()
        .map(|connection| Box::pin(tcp::read(connection, 1, None)))
        .collect();
    for read in &mut reads {
        let _ = futures::poll!(read.as_mut());
    }
    then();
    Ok(json!({ "reads": reads.len() }))
}

/// Start a connection, keep the processor busy for so many milliseconds, and only then look at the connection.
async fn busy(endpoint: &str, milliseconds: u64) -> Result<Json, Failure> {
    let mut connecting = pin!(connect(endpoint));
    let begun = futures::poll!(connecting.as_mut());
    let start = info::now();
    while info::now() - start < milliseconds * 1_000_000 {
        std::hint::black_box(start);
    }
    let connection = match begun {
        Poll::Ready(connected) => connected?,
        Poll::Pending => connecting.await?,
    };
    Ok(json!({ "remote": connection.remote(), "busy_ns": info::now() - start }))
}

/// Drop a read that waits, then use the same connection: the server echoes.
async fn cancel(endpoint: &str) -> Result<Json, Failure> {
    let connection = connect(endpoint).await?;
    let mut read = Box::pin(tcp::read(&connection, 16, None));
    let waiting = futures::poll!(read.as_mut()).is_pending();
    drop(read);
    let echo = echo(&connection, b"after the cancellation").await?;
    Ok(json!({ "waiting": waiting, "echo": echo }))
}

/// Drop a connection attempt that waits, then go on: the endpoint does not answer, so that it is still waiting.
async fn cancel_connect(endpoint: &str) -> Result<Json, Failure> {
    let mut connecting = Box::pin(connect(endpoint));
    let waiting = futures::poll!(connecting.as_mut()).is_pending();
    drop(connecting);
    Ok(json!({ "waiting": waiting }))
}

/// Drop a lookup that waits, and drop the loser of a race between two.
async fn cancel_lookup(domain: &str) -> Json {
    let mut waits = Box::pin(lookup(domain));
    let waiting = futures::poll!(waits.as_mut()).is_pending();
    drop(waits);
    let (one, other) = (pin!(lookup(domain)), pin!(lookup(domain)));
    let first = match select(one, other).await {
        Either::Left((result, _)) | Either::Right((result, _)) => result,
    };
    json!({ "waiting": waiting, "first": first.map_err(|failure| failure.code).ok() })
}

/// Connect, write, read and close, `count` times at once: the server echoes.
async fn connect_many(endpoint: &str, count: u32) -> Json {
    let one = |number: u32| async move {
        let connection = connect(endpoint).await?;
        echo(&connection, format!("hello from {number:08}").as_bytes()).await
    };
    let results = join_all((0..count).map(one)).await;
    let failures: Vec<_> = results
        .iter()
        .filter_map(|result| Some(result.as_ref().err()?.code.clone()))
        .collect();
    json!({ "ok": results.len() - failures.len(), "failures": failures })
}

async fn lookup_many(domain: &str, count: u32) -> Json {
    let results = join_all((0..count).map(|_| lookup(domain))).await;
    json!({ "ok": results.iter().filter(|result| result.is_ok()).count() })
}

/// Write, and read until as much has come back; whether it is the same.
async fn echo(connection: &Connection, message: &[u8]) -> Result<bool, Failure> {
    let mut sent = 0;
    while let Some(rest) = message.get(sent..).filter(|rest| !rest.is_empty()) {
        sent += tcp::write(connection, rest.to_vec(), None).await? as usize;
    }
    let mut received = Vec::new();
    while received.len() < message.len() {
        received.extend(tcp::read(connection, 1024, None).await?);
    }
    Ok(received == message)
}

/// Say where in the test keys an observation is to stand.
async fn observe(endpoint: &str) -> Result<Json, Failure> {
    let transaction = begin(&["observed".to_owned()], None);
    let connected = tcp::connect(&transaction, endpoint.to_owned(), None)
        .await
        .is_ok();
    let reference = json!({ "$observations": { "kind": "tcp_connect", "transactions": [transaction.id()] } });
    Ok(json!({ "connected": connected, "nested": { "here": reference } }))
}
