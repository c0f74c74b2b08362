use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn read(question: &Value) -> Question {
    Question::read(question.to_string().as_bytes(), 4).unwrap()
}

fn addresses(endpoints: &[&str]) -> Vec<(String, String)> {
    let question = read(&json!({"http_request": "http://x/", "tcp_connect": endpoints}));
    let addresses = question.addresses.into_iter();
    addresses
        .map(|address| (address.ip.to_string(), address.text_at(80)))
        .collect()
}

#[test]
fn what_is_absent_or_null_is_empty() {
    let nothing = read(&json!({"http_request": "http://x/"}));
    assert!(nothing.headers.is_empty() && nothing.addresses.is_empty() && !nothing.quic);
    let nulls = json!({
        "http_request": "http://x/", "http_request_headers": null, "tcp_connect": null, "x_quic_enabled": null,
        "other": {"deep": [1, 2, {"x": null}]},
    });
    assert_eq!(read(&nulls), nothing);
    assert!(read(&json!({"http_request": "http://x/", "x_quic_enabled": true})).quic);
}

#[test]
fn ports_are_named_or_not() {
    for (url, expected) in [
        ("http://x/", false),
        ("http://x:80/", true),
        ("http://x:8080", true),
        ("https://x:443?y", true),
        ("http://x:/", false),
        ("http://user:80@x/", false),
        ("http://user@x:80#y", true),
        ("http://[2001:db8::80]/", false),
        ("http://[2001:db8::80]:80/", true),
        ("http://x/y:80", false),
        ("http://x/?http://y:80", false),
    ] {
        assert_eq!(read(&json!({"http_request": url})).names_port, expected, "{url}");
    }
}

#[test]
fn addresses_keep_their_spelling_and_come_once() {
    let pair = |ip: &str, text: &str| (ip.to_owned(), text.to_owned());
    assert_eq!(
        addresses(&[
            "192.0.2.1:443",
            "192.0.2.1:80",
            "[2001:DB8::1]:443",
            "[::ffff:192.0.2.1]:80"
        ]),
        [
            pair("192.0.2.1", "192.0.2.1:80"),
            pair("2001:db8::1", "[2001:DB8::1]:80")
        ]
    );
    for nothing in [
        "",
        "x",
        ":443",
        "192.0.2.1",
        "x:443",
        "2001:db8::1:443",
        "[192.0.2:443",
        "192.0.2.01:443",
    ] {
        assert_eq!(addresses(&[nothing]), [], "{nothing}");
    }
    let many: Vec<String> = (0..100).map(|number| format!("192.0.2.{number}:443")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(addresses(&many).len(), 4);
}

#[test]
fn headers_that_are_passed_on_can_be_sent() {
    let question = read(&json!({
        "http_request": "http://x/",
        "http_request_headers": {
            "ACCEPT": ["a", "b"], "user-agent": null, "Cookie": ["c"],
            "Accept-Language": ["ok", "split\r\nX: y", "x".repeat(LONGEST_VALUES + 1)],
        },
    }));
    let expected = [("Accept", "a"), ("Accept", "b"), ("Accept-Language", "ok")];
    assert_eq!(
        question.headers,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    let many = vec!["x".repeat(1_000); 100];
    let question = read(&json!({"http_request": "http://x/", "http_request_headers": {"Accept": many}}));
    assert_eq!(question.headers.len(), 8);
}

#[test]
fn the_rest_is_no_question() {
    for json in [
        r#"{"http_request": 1}"#,
        r#"{"http_request": "http://x/", "tcp_connect": "x"}"#,
        r#"{"http_request": "http://x/", "tcp_connect": [1]}"#,
        r#"{"http_request": "http://x/", "http_request_headers": {"Accept": "x"}}"#,
        r#"{"http_request": "http://x/", "x_quic_enabled": 1}"#,
        r#"{"http_request": "http://x/"}{}"#,
    ] {
        assert!(
            matches!(Question::read(json.as_bytes(), 4), Err(NoQuestion::Json(_))),
            "{json}"
        );
    }
    for url in ["", "x", "http://", "http://a b/", "//x/"] {
        let json = json!({"http_request": url}).to_string();
        assert!(
            matches!(Question::read(json.as_bytes(), 4), Err(NoQuestion::Url(_))),
            "{url}"
        );
    }
    let long = json!({"http_request": format!("http://x/{}", "x".repeat(LONGEST_URL))}).to_string();
    assert!(matches!(
        Question::read(long.as_bytes(), 4),
        Err(NoQuestion::LongUrl)
    ));
    let deep = format!("{{\"x\": {}", "[".repeat(100_000));
    assert!(Question::read(deep.as_bytes(), 4).is_err());
}

proptest! {
    #[test]
    fn whatever_is_sent_is_read_or_refused(text in ".{0,64}", bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = Question::read(text.as_bytes(), 4);
        let _ = Question::read(&bytes, 4);
        let json = json!({
            "http_request": format!("http://x/{text}"), "tcp_connect": [text, "192.0.2.1:1"],
            "http_request_headers": {"Accept": [text], &text: [text]},
        });
        let question = read(&json);
        prop_assert!(question.addresses.iter().any(|address| address.text == "192.0.2.1"));
    }

    #[test]
    fn addresses_are_read_as_they_are_written(addresses: Vec<std::net::SocketAddr>) {
        let texts: Vec<String> = addresses.iter().map(|address| match address {
            std::net::SocketAddr::V4(v4) => v4.to_string(),
            std::net::SocketAddr::V6(v6) => format!("[{}]:{}", v6.ip(), v6.port()),
        }).collect();
        let question = read(&json!({"http_request": "http://x/", "tcp_connect": texts}));
        prop_assert!(question.addresses.len() <= 4);
        for address in question.addresses {
            prop_assert!(addresses.iter().any(|known| known.ip().to_canonical() == address.ip));
            prop_assert!(texts.iter().any(|text| text.contains(&address.text)));
        }
    }
}
