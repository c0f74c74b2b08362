//! Pages: redirects, headers, cookies, bodies.

use crate::world::{
    World,
    helper::Helper,
    origin::{Origin, https, raw, serve, site},
};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A site where each page redirects to the one with the next number, down to 0.
async fn countdown(status: u16) -> SocketAddr {
    serve("127.0.0.1:0", None, move |request| {
        let left: u32 = request.line.rsplit_once('/')?.1.parse().ok()?;
        Some(match left.checked_sub(1) {
            Some(next) => {
                let head =
                    format!("HTTP/1.1 {status} X\r\nLocation: /{next}\r\nContent-Length: 4\r\n\r\nmore");
                head.into_bytes()
            }
            None => b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast".to_vec(),
        })
    })
    .await
}

async fn page(helper: &Helper, url: &str) -> Value {
    helper.ask(&json!({"http_request": url})).await["http_request"].clone()
}

#[tokio::test]
async fn redirects_are_followed_up_to_ten_requests() {
    let world = World::new().await;
    let helper = Helper::start(&world, &[]);
    for status in [301, 302, 303, 307, 308] {
        let origin = countdown(status).await;
        let last = page(&helper, &format!("http://{origin}/1")).await;
        assert_eq!(
            (&last["status_code"], &last["body_length"]),
            (&json!(200), &json!(4)),
            "{status}"
        );
    }
    let origin = countdown(302).await;
    let nine = page(&helper, &format!("http://{origin}/9")).await;
    assert_eq!(nine["failure"], Value::Null);
    let ten = page(&helper, &format!("http://{origin}/10")).await;
    assert_eq!(
        ten,
        json!({
            "body_length": -1, "discovered_h3_endpoint": "", "failure": "unknown_error", "title": "", "headers": {},
            "status_code": -1,
        })
    );
    let like_the_probe = Helper::start(&world, &["--max-requests", "11"]);
    assert_eq!(
        page(&like_the_probe, &format!("http://{origin}/10")).await["failure"],
        Value::Null
    );
    assert_eq!(
        page(&like_the_probe, &format!("http://{origin}/11")).await["failure"],
        "unknown_error"
    );
}

#[tokio::test]
async fn redirects_that_lead_nowhere() {
    let world = World::new().await;
    let origin = site(&[
        (
            "/ftp",
            "HTTP/1.1 302 Found\r\nLocation: ftp://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "/no-host",
            "HTTP/1.1 302 Found\r\nLocation: http://\r\nContent-Length: 0\r\n\r\n",
        ),
        ("/nothing", "HTTP/1.1 302 Found\r\nContent-Length: 2\r\n\r\nhi"),
        ("/304", "HTTP/1.1 304 Not Modified\r\nLocation: /ftp\r\n\r\n"),
    ])
    .await;
    let helper = Helper::start(&world, &[]);
    for path in ["ftp", "no-host"] {
        let page = page(&helper, &format!("http://{origin}/{path}")).await;
        assert_eq!(
            (&page["failure"], &page["status_code"]),
            (&json!("unknown_error"), &json!(-1)),
            "{path}"
        );
    }
    for (path, status) in [("nothing", 302), ("304", 304)] {
        let page = page(&helper, &format!("http://{origin}/{path}")).await;
        assert_eq!(
            (&page["failure"], &page["status_code"]),
            (&Value::Null, &json!(status)),
            "{path}"
        );
    }
}

#[tokio::test]
async fn only_three_headers_are_passed_on_and_cookies_are_kept() {
    let world = World::new().await;
    let heard: Arc<Mutex<Vec<Origin>>> = Arc::default();
    let hearing = Arc::clone(&heard);
    let origin = serve("127.0.0.1:0", None, move |request| {
        hearing.lock().unwrap().push(request.clone());
        let reply = if request.line == "GET /?a=%2F" {
            "HTTP/1.1 302 Found\r\nLocation: http://www.example.org:PORT/next#here\r\nSet-Cookie: own=1\r\n\
             Set-Cookie: all=2; Domain=example.org\r\nSet-Cookie: no=3; Domain=org\r\nContent-Length: 0\r\n\r\n"
                .replace("PORT", request.header("host")[0].rsplit_once(':')?.1)
        } else {
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned()
        };
        Some(reply.into_bytes())
    })
    .await;
    world.zone.has("example.org", &["127.0.0.1"]);
    world.zone.has("www.example.org", &["127.0.0.1"]);
    let helper = Helper::start(&world, &[]);
    let port = origin.port();
    let answer = helper
        .ask(&json!({
            "http_request": format!("http://user:secret@example.org:{port}/?a=%2F#fragment"),
            "http_request_headers": {
                "accept": ["text/html"], "ACCEPT-Language": ["en", "de"], "User-Agent": ["Mozilla/5.0"],
                "Cookie": ["stolen=1"], "X-Other": ["1"], "Host": ["other"], "Accept-Encoding": ["gzip"],
                "Authorization": ["x"],
            },
        }))
        .await;
    assert_eq!(answer["http_request"]["failure"], Value::Null);
    let heard = heard.lock().unwrap();
    let [first, second] = &heard[..] else {
        panic!("{heard:?}");
    };
    for request in [first, second] {
        assert_eq!(request.header("accept"), ["text/html"]);
        assert_eq!(request.header("accept-language"), ["en", "de"]);
        assert_eq!(request.header("user-agent"), ["Mozilla/5.0"]);
        for absent in ["x-other", "accept-encoding", "authorization"] {
            assert_eq!(request.header(absent), [""; 0], "{absent}");
        }
    }
    assert_eq!(first.header("host"), [format!("example.org:{port}")]);
    assert_eq!(
        (first.header("cookie"), first.header("referer")),
        (vec![], vec![])
    );
    assert_eq!(second.line, "GET /next");
    assert_eq!(second.header("cookie"), ["all=2"]);
    assert_eq!(
        second.header("referer"),
        [format!("http://example.org:{port}/?a=%2F")]
    );
}

#[tokio::test]
async fn where_http3_is_spoken_the_first_response_says() {
    let world = World::new().await;
    let origin = site(&[
        (
            "/",
            "HTTP/1.1 302 Found\r\nLocation: /next\r\nAlt-Svc: h3-29=\":1\", h3=\":8443\"; ma=60\r\n\
             Alt-Svc: h3=\":2\"\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "/next",
            "HTTP/1.1 200 OK\r\nAlt-Svc: h3=\":3\"\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "/none",
            "HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n",
        ),
    ])
    .await;
    let helper = Helper::start(&world, &[]);
    let first = page(&helper, &format!("http://{origin}/")).await;
    assert_eq!(first["discovered_h3_endpoint"], "127.0.0.1:8443");
    assert_eq!(
        page(&helper, &format!("http://{origin}/none")).await["discovered_h3_endpoint"],
        ""
    );
}

#[tokio::test]
async fn long_bodies_are_read_to_a_limit_and_titles_from_all_of_that() {
    let world = World::new().await;
    let origin = raw("127.0.0.1:0", None, |mut stream| {
        Box::pin(async move {
            let mut request = [0; 4096];
            let count = stream.read(&mut request).await.unwrap();
            let extra = usize::from(request[..count].starts_with(b"GET /longer"));
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            let title = b"<title>late</title>";
            let zeroes = vec![0; 1 << 20];
            let mut left = (1 << 24) - title.len();
            while left > 0 {
                let count = left.min(zeroes.len());
                if stream.write_all(&zeroes[..count]).await.is_err() {
                    return;
                }
                left -= count;
            }
            let _ = stream.write_all(title).await;
            let _ = stream.write_all(&zeroes[..extra * 1000]).await;
        })
    })
    .await;
    let helper = Helper::start(&world, &[]);
    for path in ["", "longer"] {
        let page = page(&helper, &format!("http://{origin}/{path}")).await;
        let got = (&page["body_length"], &page["failure"], &page["title"]);
        assert_eq!(got, (&json!(1 << 24), &Value::Null, &json!("late")), "{path}");
    }
}

#[tokio::test]
async fn bodies_that_break_leave_their_heads() {
    let world = World::new().await;
    let origin = serve("127.0.0.1:0", None, |_| {
        Some(b"HTTP/1.1 203 X\r\nx-a: 1\r\nTransfer-Encoding: chunked\r\n\r\n13\r\n<title>half</title>\r\nzz\r\n".to_vec())
    })
    .await;
    let helper = Helper::start(&world, &[]);
    let page = page(&helper, &format!("http://{origin}/")).await;
    assert_eq!(
        page,
        json!({
            "body_length": 0, "discovered_h3_endpoint": "", "failure": "unknown_error", "title": "",
            "headers": {"X-A": "1", "Transfer-Encoding": "chunked"}, "status_code": 203,
        })
    );
}

#[tokio::test]
async fn pages_that_can_not_be_had() {
    let world = World::new().await;
    let wrong = https(&world, "127.0.0.1:0", &["other.example"], "").await;
    let cut = raw("127.0.0.1:0", None, |mut stream| {
        Box::pin(async move {
            let _ = stream.read(&mut [0; 4096]).await;
        })
    })
    .await;
    let free = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    world.zone.has("www.example.org", &["127.0.0.1"]);
    let helper = Helper::start(&world, &[]);
    for (url, failure) in [
        (
            format!("https://www.example.org:{}/", wrong.port()),
            "unknown_error",
        ),
        (format!("http://{cut}/"), "unknown_error"),
        (format!("https://{cut}/"), "unknown_error"),
        (format!("http://{free}/"), "connection_refused_error"),
    ] {
        let page = page(&helper, &url).await;
        let got = (&page["failure"], &page["status_code"], &page["body_length"]);
        assert_eq!(got, (&json!(failure), &json!(-1), &json!(-1)), "{url}");
    }
}

#[tokio::test]
async fn a_name_with_several_addresses_is_fetched_from_one_that_answers() {
    let world = World::new().await;
    let origin = site(&[("/", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")]).await;
    world.zone.has("www.example.org", &["127.9.9.9", "127.0.0.1"]);
    let helper = Helper::start(&world, &[]);
    let page = page(&helper, &format!("http://www.example.org:{}/", origin.port())).await;
    assert_eq!(page["status_code"], 200);
}

#[tokio::test]
async fn http2_is_spoken_where_it_is_offered() {
    let world = World::new().await;
    let acceptor = world.authority.acceptor(&["127.0.0.1"], &["h2"]);
    let origin = raw("127.0.0.1:0", Some(acceptor), |stream| {
        let answer = hyper::service::service_fn(|request: http::Request<hyper::body::Incoming>| async move {
            assert_eq!(request.version(), http::Version::HTTP_2);
            let agent = request.headers()["user-agent"].clone();
            let head = http::Response::builder().header("x-agent", agent).status(203);
            head.body(http_body_util::Full::new(bytes::Bytes::from(
                "<title>two</title>",
            )))
        });
        Box::pin(async move {
            let server = hyper::server::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new());
            let _ = server
                .serve_connection(hyper_util::rt::TokioIo::new(stream), answer)
                .await;
        })
    })
    .await;
    let helper = Helper::start(&world, &[]);
    let question = json!({
        "http_request": format!("https://{origin}/"),
        "http_request_headers": {"User-Agent": ["Mozilla/5.0"]},
    });
    let page = &helper.ask(&question).await["http_request"];
    assert_eq!(
        (&page["status_code"], &page["title"]),
        (&json!(203), &json!("two"))
    );
    assert_eq!(page["headers"]["X-Agent"], "Mozilla/5.0");
}
