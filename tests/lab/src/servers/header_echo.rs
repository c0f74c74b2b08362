//! A server that says, in JSON, what the head of an HTTP request was, to the letter: OONI's backend for
//! `http_header_field_manipulation`.

use serde_json::{Map, Value, json};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

/// The longest head that is waited for.
const LONGEST: usize = 64 * 1024;

/// Answers one request on each connection.
pub(super) async fn serve(listener: TcpListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        // A client that breaks off is no concern of the server's.
        tokio::spawn(async move { answer(stream).await.ok() });
    }
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut received = Vec::new();
    let mut chunk = [0; 4096];
    let head = loop {
        if let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break received.get(..end).unwrap_or_default();
        }
        let length = stream.read(&mut chunk).await?;
        if length == 0 || received.len() > LONGEST {
            return Ok(());
        }
        received.extend_from_slice(chunk.get(..length).unwrap_or_default());
    };
    let body = describe(&String::from_utf8_lossy(head)).to_string();
    let length = body.len();
    let response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    );
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await
}

/// The request line, and the header fields twice: in their order, and by name.
fn describe(head: &str) -> Value {
    let mut lines = head.split("\r\n");
    let request_line = lines.next().unwrap_or_default();
    let fields: Vec<(&str, &str)> = lines
        .map(|line| line.split_once(':').unwrap_or((line, "")))
        .map(|(name, value)| (name, value.trim()))
        .collect();
    let mut by_name = Map::new();
    for (name, value) in &fields {
        let values = by_name.entry(*name).or_insert_with(|| json!([]));
        if let Some(values) = values.as_array_mut() {
            values.push((*value).into());
        }
    }
    json!({ "headers_dict": by_name, "request_headers": fields, "request_line": request_line })
}

#[cfg(test)]
mod tests {
    use super::describe;
    use serde_json::json;

    #[test]
    fn a_head_is_described_to_the_letter() {
        let head = "GeT / HTTP/1.1\r\nhOST: a.test:80\r\nX-a: 1\r\nX-a: 2";
        assert_eq!(
            describe(head),
            json!({
                "headers_dict": { "hOST": ["a.test:80"], "X-a": ["1", "2"] },
                "request_headers": [["hOST", "a.test:80"], ["X-a", "1"], ["X-a", "2"]],
                "request_line": "GeT / HTTP/1.1",
            })
        );
    }
}
