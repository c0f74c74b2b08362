//! The log and what it names, as files.

use super::registry::{Registry, hex};
use super::server::{Reply, Server};
use netsonde_log::{
    fetch::{Entries, Fetched, Progress},
    leaf::{Leaf, Payload},
    root::Root,
    words::Digest,
};
use std::fs;

/// What is served, and the same asked for without its body and with its tag.
fn assert_served(server: &Server, path: &str, kind: &str, keep: &str) -> Vec<u8> {
    let reply = server.get(path);
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    assert_eq!(reply.header("content-type"), Some(kind), "{path}");
    assert_eq!(reply.header("cache-control"), Some(keep), "{path}");
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
    let len = reply.body.len().to_string();
    assert_eq!(reply.header("content-length"), Some(len.as_str()), "{path}");
    let tag = format!("\"{}\"", hex(&Digest::of(&reply.body)));
    assert_eq!(reply.header("etag"), Some(tag.as_str()), "{path}");
    let head = server.ask("HEAD", path, &[]);
    assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
    assert_eq!(head.header("content-length"), Some(len.as_str()), "{path}");
    for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
        let reply = server.ask("GET", path, &[&format!("If-None-Match: {known}")]);
        assert_eq!((reply.status, reply.body.len()), (304, 0), "{path} {known}");
        assert_eq!(reply.header("etag"), Some(tag.as_str()), "{path}");
        assert_eq!(reply.header("cache-control"), Some(keep), "{path}");
    }
    let reply = server.ask("GET", path, &["If-None-Match: \"x\""]);
    assert_eq!(reply.status, 200, "{path}");
    reply.body
}

const FOR_EVER: &str = "public, max-age=31536000, immutable";

#[test]
fn every_file_is_served_as_what_it_is() {
    let registry = Registry::new();
    let long: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let script = registry.script("online", b"{\"v\":2,\"instructions\":[]}");
    let list = registry.put("lists", b"https://example.org/\n");
    let object = registry.put("objects", &long);
    let server = Server::start(&registry, &["--renew", "1h"]);
    let kind = "text/plain; charset=utf-8";
    let checkpoint = assert_served(&server, "/log/checkpoint", kind, "public, max-age=5");
    assert_eq!(registry.open(&checkpoint).tree.size(), 2);
    let root = assert_served(&server, "/roots/1.json", "application/json", FOR_EVER);
    assert_eq!(Root::parse(&root).unwrap().version(), 1);
    let kind = "application/octet-stream";
    for tile in ["tile/0/000.p/2", "tile/entries/000.p/2"] {
        let bytes = assert_served(&server, &format!("/log/{tile}"), kind, FOR_EVER);
        assert_eq!(bytes, fs::read(registry.public("log").join(tile)).unwrap());
    }
    assert_served(&server, &format!("/scripts/{}", hex(&script)), kind, FOR_EVER);
    assert_served(&server, &format!("/lists/{}", hex(&list)), kind, FOR_EVER);
    let bytes = assert_served(&server, &format!("/objects/{}", hex(&object)), kind, FOR_EVER);
    assert_eq!(bytes, long);
    let health = server.get("/health");
    assert_eq!((health.status, health.json()["size"].as_u64()), (200, Some(2)));
}

#[test]
fn what_others_publish_meanwhile_is_served() {
    let registry = Registry::new();
    let server = Server::start(&registry, &[]);
    for number in 0..3 {
        let script = format!("{{\"v\":2,\"instructions\":[],\"x\":{number}}}");
        registry.script(&format!("script{number}"), script.as_bytes());
        std::thread::sleep(std::time::Duration::from_millis(60));
        let tree = registry.open(&server.get("/log/checkpoint").body).tree;
        assert_eq!(tree.size(), number + 2);
        let leaf = last_entry(&server, tree);
        let Payload::ScriptPublish(publication) = leaf.payload().clone() else {
            panic!("{:?}", leaf.payload());
        };
        let path = format!("/scripts/{}", hex(&publication.digest));
        assert_eq!(server.get(&path).text(), script);
        // The beginnings of files that have got longer are still there for those who have an older checkpoint.
        assert_eq!(server.get("/log/tile/0/000.p/1").status, 200);
        assert_eq!(server.get("/log/tile/0/000").status, 404);
    }
}

/// The last entry of the log, proven.
fn last_entry(server: &Server, tree: netsonde_log::tree::Tree) -> Leaf {
    let mut entries = Entries::new(tree, tree.size() - 1..tree.size()).unwrap();
    let mut fetched = Fetched::new();
    while let Progress::Need(paths) = entries.clone().next(&fetched).unwrap() {
        for path in paths {
            let reply = server.get(&format!("/log/{path}"));
            assert_eq!(reply.status, 200, "{path}");
            fetched.insert(path, reply.body);
        }
    }
    let Progress::Done(Some(batch)) = entries.next(&fetched).unwrap() else {
        panic!("no entry");
    };
    Leaf::parse(batch.entries[0]).unwrap()
}

#[test]
fn what_was_revoked_is_gone_at_once() {
    let registry = Registry::new();
    let module = registry.module("telegram", "1.0.0", b"\0asm");
    let server = Server::start(&registry, &[]);
    let path = format!("/objects/{}", hex(&module.digest));
    assert_eq!(server.get(&path).status, 200);
    let index = registry.revoke(&module);
    std::thread::sleep(std::time::Duration::from_millis(60));
    for method in ["GET", "HEAD"] {
        assert_eq!(server.ask(method, &path, &[]).status, 410);
    }
    let gone = server.get(&path);
    assert!(
        gone.text().contains(&format!("revoked by entry {index}")),
        "{}",
        gone.text()
    );
    assert_eq!(gone.header("cache-control"), Some("no-store"));
    // Under whatever name, and whether the file is there or not.
    assert_eq!(
        server.get(&format!("/scripts/{}", hex(&module.digest))).status,
        410
    );
}

#[test]
fn what_is_not_there_is_not_found_and_methods_are_said() {
    let registry = Registry::new();
    let server = Server::start(&registry, &[]);
    for path in [
        "/",
        "/nothing",
        "/roots/2.json",
        "/log/tile/0/000",
        "/log/tile/5/000.p/1",
    ] {
        let reply = server.get(path);
        assert_eq!(reply.status, 404, "{path}");
        assert_eq!(
            reply.header("content-type"),
            Some("text/plain; charset=utf-8"),
            "{path}"
        );
    }
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "NETSONDE"] {
        let reply = server.ask(method, "/log/checkpoint", &["Content-Length: 0"]);
        assert_eq!(
            (reply.status, reply.header("allow")),
            (405, Some("GET, HEAD")),
            "{method}"
        );
    }
    let path = registry.public("objects").join(hex(&Digest::of(b"x")));
    fs::create_dir_all(&path).unwrap();
    let reply = server.get(&format!("/objects/{}", hex(&Digest::of(b"x"))));
    assert_eq!(reply.status, 404, "a folder is no file");
}

#[test]
fn no_path_leads_out_of_what_is_served() {
    let registry = Registry::new();
    let server = Server::start(&registry, &[]);
    let key = fs::read_to_string(registry.path().join("log.key")).unwrap();
    let hidden = registry.public("objects").join(".hidden");
    fs::create_dir_all(hidden.parent().unwrap()).unwrap();
    fs::write(hidden, &key).unwrap();
    for path in [
        "/../log.key",
        "/log/../../log.key",
        "/log/tile/../../../log.key",
        "/log/tile/0/../../../../log.key",
        "/objects/../../log.key",
        "/objects/..%2f..%2flog.key",
        "/objects/%2e%2e/%2e%2e/log.key",
        "/objects/..%5c..%5clog.key",
        "/objects/.hidden",
        "/objects/%2ehidden",
        "/roots/../../log.key",
        "/roots/..%2f..%2flog.key%00.json",
        "/log.key",
        "//log.key",
        "/public/../log.key",
        "/registry.sqlite",
        "/v2/modules/netsonde/../../../log.key",
        "/v2/modules/netsonde/a/blobs/../../../../../log.key",
        "file:///etc/passwd",
        "http://registry.example/../log.key",
        "*",
    ] {
        let reply: Reply = server.get(path);
        assert!(matches!(reply.status, 400 | 404), "{path}: {}", reply.status);
        assert!(!reply.text().contains(key.trim()), "{path}");
    }
    // What is no path at all.
    for line in [
        "GET \\..\\log.key HTTP/1.1",
        "GET ../log.key HTTP/1.1",
        "GET  /log.key HTTP/1.1",
    ] {
        let reply = server.send(format!("{line}\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes());
        assert!(matches!(reply.status, 400 | 404), "{line}: {}", reply.status);
    }
}
