//! Resolvers over QUIC.

use super::{addresses, ask, asking, reply};
use crate::{quic::server_config, support::Bench, tls::Authority};
use netsonde_data::FailureCode;
use netsonde_net::dns::Resolver;

#[tokio::test]
async fn quic_resolvers_get_a_stream_for_each_query() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let config = server_config(&authority, "dns.example", "doq", |_| {});
    let server = quinn::Endpoint::server(config, "127.0.0.1:0".parse().unwrap()).unwrap();
    let endpoint = server.local_addr().unwrap();
    tokio::spawn(async move {
        let connection = server.accept().await.unwrap().await.unwrap();
        while let Ok((mut send, mut receive)) = connection.accept_bi().await {
            let query = receive.read_to_end(1 << 16).await.unwrap();
            assert_eq!(query[2..4], [0, 0], "the id is zero");
            let query = &query[2..];
            if query.windows(3).any(|bytes| bytes == [0, 28, 0]) {
                // Half a length, and the end.
                send.write_all(&[0]).await.unwrap();
            } else {
                let reply = reply(query);
                send.write_all(&u16::try_from(reply.len()).unwrap().to_be_bytes())
                    .await
                    .unwrap();
                send.write_all(&reply).await.unwrap();
            }
            send.finish().unwrap();
        }
    });
    let resolver = Resolver::Doq {
        endpoint,
        name: "dns.example".to_owned(),
    };
    let answer = ask(&bench, asking(resolver)).await;
    assert_eq!(addresses(&answer), ["1.2.3.4"]);
    assert_eq!(
        answer.replies[1].failure.as_ref().unwrap().code,
        FailureCode::EOF_ERROR
    );
    let seen = bench.seen();
    assert_eq!((seen.quic_handshakes.len(), seen.queries.len()), (1, 2));
    assert_eq!(seen.quic_handshakes[0].negotiated_protocol, "doq");
    let with_port = format!("dns.example:{}", endpoint.port());
    assert!(
        seen.queries
            .iter()
            .all(|query| query.engine == "doq" && query.resolver_address == with_port)
    );
}
