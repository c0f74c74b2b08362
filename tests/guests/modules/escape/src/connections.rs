//! Over TCP: endpoints, ports, and where responses lead.

use futures::future::join_all;
use netsonde_guest::{
    Connection, Failure, HttpRequest, Json, TcpOptions, TlsOptions, Url, begin, http, quic, tcp, tls,
};

use crate::{PATIENCE, endpoint, lookups, tried, ways};

async fn connect(to: &str) -> Result<Connection, Failure> {
    let options = TcpOptions::new();
    options.timeout_ms(PATIENCE);
    tcp::connect(&begin(&[], None), to.to_owned(), Some(&options)).await
}

/// Connect to an endpoint.
pub(crate) async fn reach(way: &str, to: &str) -> Json {
    let failure = connect(to).await.err();
    tried(way, to, failure)
}

/// Connect to ports where that does harm.
pub(crate) async fn abused(address: &str) -> Vec<Json> {
    let to = ways::ABUSED.map(|port| endpoint(address, port));
    join_all(to.iter().map(|to| reach("a port that is abused", to))).await
}

/// Try one port after the other.
pub(crate) async fn scan(host: &str) -> Vec<Json> {
    let mut all = Vec::new();
    for address in lookups::by_system(host).await.unwrap_or_default() {
        for port in 8000..9000 {
            all.push(reach("a scan", &endpoint(&address, port)).await);
        }
    }
    all
}

/// Fetch the input in every version of HTTP, and go wherever it leads.
pub(crate) async fn redirected(url: &Url, address: &str) -> Vec<Json> {
    let mut all = Vec::new();
    for way in ["a redirect", "a redirect over HTTP/2", "a redirect over HTTP/3"] {
        if let Ok(next) = led_to(way, url, address).await {
            all.push(reach(way, &endpoint(&next.host, next.port.unwrap_or(80))).await);
        }
    }
    all
}

/// Shake hands with the input and name somebody else in the outer hello. Whatever becomes of it, the wire shows that no
/// packet went to who was named.
pub(crate) async fn with_an_outer_name(address: &str) {
    let options = TlsOptions::new();
    options.server_name("example.com");
    options.sni("example.org");
    options.ech_made_up();
    options.timeout_ms(5000);
    if let Ok(connection) = connect(&endpoint(address, 443)).await {
        _ = tls::handshake(&begin(&[], None), connection, &options).await;
    }
}

async fn led_to(way: &str, url: &Url, address: &str) -> Result<Url, Failure> {
    let transaction = begin(&[], None);
    let options = TlsOptions::new();
    options.server_name(&url.host);
    options.timeout_ms(5000);
    let (connection, scheme) = match way {
        "a redirect" => (connect(&endpoint(address, 80)).await?, "http"),
        "a redirect over HTTP/2" => {
            options.alpn(&["h2".to_owned()]);
            let plain = connect(&endpoint(address, 443)).await?;
            let secure = tls::handshake(&transaction, plain, &options).await;
            (secure.map_err(|failed| failed.failure())?, "https")
        }
        _ => {
            let to = endpoint(address, 443);
            (quic::handshake(&transaction, to, &options).await?, "https")
        }
    };
    let request = HttpRequest::new("GET", &format!("{scheme}://{}/", url.host));
    let response = http::round_trip(&transaction, &connection, &request).await?;
    let location = response.header("location").unwrap_or_default();
    Url::parse(&location).map_err(|error| Failure::top_level("invalid_argument", error.to_string()))
}
