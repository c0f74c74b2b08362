//! What probes are told to run.

use super::registry::{Registry, hex, publication};
use super::server::{Reply, Server, exchange};
use netsonde_log::{leaf::Payload, role::Role, words::Digest};
use serde_json::{Value, json};
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

const TABLE: &str = r#"{"v": 1, "rules": [
    {"if": {"probe_cc": ["IT"], "run_type": ["timed"]}, "online": "websites", "offline": "missing"},
    {"if": {"charging": true}, "online": "everything"},
    {"if": {"probe_cc": ["FR"]}}
]}"#;

fn post(server: &Server, question: &Value) -> Reply {
    post_text(server, &question.to_string())
}

fn post_text(server: &Server, body: &str) -> Reply {
    let head = format!(
        "POST /api/v2/check-in HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    server.send(format!("{head}{body}").as_bytes())
}

/// Have everybody obey a table.
fn publish_table(registry: &Registry, table: &str) -> Digest {
    let digest = registry.put("lists", table.as_bytes());
    registry.say(
        &Payload::ListPublish(publication("check-in", table.as_bytes())),
        Role::Lists,
    );
    digest
}

/// What the log says in a moment.
fn settle() {
    std::thread::sleep(Duration::from_millis(60));
}

#[test]
fn without_a_table_the_scripts_are_those_of_two_names() {
    let registry = Registry::new();
    let server = Server::start(&registry, &[]);
    let nothing = json!({"v": 2, "online": null, "offline": null, "table": null, "rule": null});
    assert_eq!(post(&server, &json!({})).json(), nothing);
    let script = registry.script("online", b"{\"v\":2}");
    settle();
    let reply = post(&server, &json!({"probe_cc": "IT", "something": ["else"]}));
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("public, max-age=60"));
    let answer = reply.json();
    assert_eq!(answer["offline"], Value::Null);
    let online = &answer["online"];
    assert_eq!(
        (online["name"].as_str(), online["size"].as_u64()),
        (Some("online"), Some(7))
    );
    assert_eq!(online["sha256"], hex(&script));
    assert_eq!(
        online["expires"].as_u64(),
        online["issued"].as_u64().map(|issued| issued + 3_600)
    );
    let url = online["url"].as_str().unwrap();
    assert_eq!(server.get(url).text(), "{\"v\":2}");
}

#[test]
fn the_table_says_who_runs_what_and_the_answer_which_rule_it_was() {
    let registry = Registry::new();
    registry.script("websites", b"{\"v\":2,\"w\":1}");
    registry.script("everything", b"{\"v\":2,\"e\":1}");
    let table = publish_table(&registry, TABLE);
    let server = Server::start(&registry, &[]);
    for (question, query, online, rule) in [
        (
            json!({"probe_cc": "IT", "run_type": "timed", "charging": true}),
            "probe_cc=IT&run_type=timed&charging=true",
            json!("websites"),
            json!(1),
        ),
        (
            json!({"probe_cc": "IT", "charging": true}),
            "probe_cc=IT&charging=true",
            json!("everything"),
            json!(2),
        ),
        (
            json!({"probe_cc": "FR"}),
            "probe%5Fcc=F%52&x=y",
            Value::Null,
            json!(3),
        ),
        (
            json!({"probe_cc": "DE"}),
            "probe_cc=DE&charging=false",
            Value::Null,
            Value::Null,
        ),
    ] {
        let reply = post(&server, &question);
        let answer = reply.json();
        assert_eq!(answer["online"]["name"], online, "{question}");
        assert_eq!(
            answer["offline"],
            Value::Null,
            "{question}: nobody has published it"
        );
        assert_eq!(answer["rule"], rule, "{question}");
        assert_eq!(
            answer["table"],
            json!({"name": "check-in", "sha256": hex(&table)})
        );
        let path = format!("/api/v2/check-in?{query}");
        let same = server.get(&path);
        assert_eq!(same.body, reply.body, "{query}");
        let tag = same.header("etag").unwrap();
        assert_eq!(
            server
                .ask("GET", &path, &[&format!("If-None-Match: {tag}")])
                .status,
            304
        );
        let head = server.ask("HEAD", &path, &[]);
        assert_eq!(
            (head.status, head.header("etag"), head.body.len()),
            (200, Some(tag), 0)
        );
    }
}

#[test]
fn a_script_that_was_revoked_or_is_over_is_not_named() {
    let registry = Registry::new();
    let server = Server::start(&registry, &[]);
    let mut short = publication("online", b"{}");
    short.expires = short.issued + 3;
    registry.put("scripts", b"{}");
    registry.say(&Payload::ScriptPublish(short), Role::Scripts);
    settle();
    let reply = post(&server, &json!({}));
    assert_eq!(reply.json()["online"]["name"], "online");
    let keep = reply
        .header("cache-control")
        .unwrap()
        .strip_prefix("public, max-age=");
    assert!(keep.unwrap().parse::<u64>().unwrap() <= 3, "{keep:?}");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(post(&server, &json!({})).json()["online"], Value::Null);
    let script = registry.script("offline", b"{\"x\":1}");
    settle();
    assert_eq!(
        post(&server, &json!({})).json()["offline"]["sha256"],
        hex(&script)
    );
    registry.revoke_script("offline", script);
    settle();
    assert_eq!(post(&server, &json!({})).json()["offline"], Value::Null);
    assert_eq!(server.get(&format!("/scripts/{}", hex(&script))).status, 410);
}

#[test]
fn a_table_that_is_not_there_is_no_reason_to_make_one_up() {
    let registry = Registry::new();
    registry.script("online", b"{}");
    let table = publish_table(&registry, TABLE);
    std::fs::remove_file(registry.public("lists").join(hex(&table))).unwrap();
    let mut server = Server::start(&registry, &[]);
    assert_eq!(post(&server, &json!({})).status, 500);
    registry.put("lists", TABLE.as_bytes());
    assert_eq!(post(&server, &json!({})).status, 200);
    let (_, log) = server.terminate();
    assert!(log.contains("read the check-in table"), "{log}");
}

#[test]
fn a_question_that_is_none_is_refused() {
    let registry = Registry::new();
    let server = Server::start(&registry, &[]);
    for body in ["", "[]x", "{\"probe_cc\": 1}", "{\"charging\": \"yes\"}", "\u{0}"] {
        let reply = post_text(&server, body);
        assert_eq!(reply.status, 400, "{body}");
        assert!(reply.text().starts_with("read the question"), "{}", reply.text());
    }
    assert_eq!(server.get("/api/v2/check-in?charging=yes").status, 400);
    let reply = server.ask("PUT", "/api/v2/check-in", &["Content-Length: 0"]);
    assert_eq!(
        (reply.status, reply.header("allow")),
        (405, Some("GET, HEAD, POST"))
    );
    let question = format!("{{\"probe_cc\":\"{}\"}}", "x".repeat(16 << 10));
    assert_eq!(post_text(&server, &question).status, 413);
    // Without saying before how long it is.
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    let head = "POST /api/v2/check-in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    let reply = server.send(format!("{head}{}0\r\n\r\n", chunk.repeat(5)).as_bytes());
    assert_eq!(reply.status, 413);
    let cut = b"POST /api/v2/check-in HTTP/1.1\r\nHost: x\r\nContent-Length: 1e99\r\n\r\n{}";
    assert_eq!(server.send(cut).status, 400);
}

#[test]
fn a_body_that_never_ends_is_given_up() {
    let registry = Registry::new();
    let server = Server::start(&registry, &[]);
    let began = Instant::now();
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let head =
        b"POST /api/v2/check-in HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n{";
    stream.write_all(head).unwrap();
    let mut came = Vec::new();
    let mut part = [0; 1024];
    // A byte from time to time keeps nobody.
    while came.is_empty() && began.elapsed() < Duration::from_secs(30) {
        let _ = stream.write_all(b" ");
        if let Ok(len) = stream.read(&mut part) {
            came.extend_from_slice(&part[..len]);
        }
    }
    assert_eq!(Reply::read(&came).status, 408);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    let empty = exchange(
        server.address,
        b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(Reply::read(&empty).status, 200);
}
