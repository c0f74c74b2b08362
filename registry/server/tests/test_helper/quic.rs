//! QUIC: only for those who want it, of both sides.

use crate::world::{World, helper::Helper, origin::serve};
use bytes::Bytes;
use quinn::{Endpoint, crypto::rustls::QuicServerConfig};
use serde_json::{Value, json};
use std::{net::SocketAddr, sync::Arc};

/// A page over HTTP/3 at `address`, for a name.
fn http3(world: &World, address: SocketAddr, name: &str) -> Endpoint {
    let tls = world.authority.server_config(&[name], &["h3"]);
    let config = quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
    let endpoint = Endpoint::server(config, address).unwrap();
    let accepting = endpoint.clone();
    tokio::spawn(async move {
        while let Some(incoming) = accepting.accept().await {
            tokio::spawn(async move {
                let Ok(quic) = incoming.await else { return };
                let http = h3_quinn::Connection::new(quic);
                let mut connection = h3::server::builder().build::<_, Bytes>(http).await.unwrap();
                while let Ok(Some(resolver)) = connection.accept().await {
                    let (_, mut stream) = resolver.resolve_request().await.unwrap();
                    let head = http::Response::builder()
                        .header("x-over", "quic")
                        .header("alt-svc", "h3=\":1\"");
                    stream.send_response(head.body(()).unwrap()).await.unwrap();
                    stream.send_data("<title>Third</title>".into()).await.unwrap();
                    stream.finish().await.unwrap();
                }
            });
        }
    });
    endpoint
}

#[tokio::test]
async fn quic_is_measured_where_both_want_it_and_it_is_offered() {
    let world = World::new().await;
    let acceptor = world.authority.acceptor(&["www.example.org"], &["http/1.1"]);
    // The same port, over UDP, is the server's too.
    let origin = serve("127.0.0.1:0", Some(acceptor), |request| {
        let port = request.header("host")[0].rsplit_once(':')?.1.to_owned();
        let offer = if request.line == "GET /none" {
            String::new()
        } else {
            format!("Alt-Svc: h3=\":{port}\"; ma=60\r\n")
        };
        Some(format!("HTTP/1.1 200 OK\r\n{offer}Content-Length: 0\r\n\r\n").into_bytes())
    })
    .await;
    let _endpoint = http3(&world, origin, "www.example.org");
    world.zone.has("www.example.org", &["127.0.0.1"]);
    let url = format!("https://www.example.org:{}/", origin.port());
    let question = |enabled: bool| json!({"http_request": url, "x_quic_enabled": enabled});

    let off = Helper::start(&world, &[]);
    let on = Helper::start(&world, &["--enable-quic"]);
    for (helper, question) in [
        (&off, question(true)),
        (&on, question(false)),
        (
            &on,
            json!({"http_request": format!("{url}none"), "x_quic_enabled": true}),
        ),
    ] {
        let answer = helper.ask(&question).await;
        assert_eq!(
            (&answer["quic_handshake"], &answer["http3_request"]),
            (&json!({}), &Value::Null)
        );
    }

    let answer = on.ask(&question(true)).await;
    assert_eq!(
        answer["quic_handshake"],
        json!({origin.to_string(): {"server_name": "www.example.org", "status": true, "failure": null}})
    );
    assert_eq!(
        answer["http3_request"],
        json!({
            "body_length": 20, "discovered_h3_endpoint": "", "failure": null, "title": "Third",
            "headers": {"X-Over": "quic", "Alt-Svc": "h3=\":1\""}, "status_code": 200,
        })
    );
}
