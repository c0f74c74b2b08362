//! What the log says of some bytes, proven to those who have nothing of it.

use super::registry::{Registry, hex};
use super::server::Server;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use netsonde_log::{leaf::Leaf, proof::Proof, words::Digest};

/// The types of the entries about these bytes, each proven.
fn proven(registry: &Registry, server: &Server, digest: &Digest) -> Vec<String> {
    let reply = server.get(&format!("/proofs/{}", hex(digest)));
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("public, max-age=5"));
    let json = reply.json();
    assert_eq!(json["digest"], digest.to_string());
    let entries = json["entries"].as_array().unwrap();
    let entries = entries.iter().map(|entry| {
        let leaf = STANDARD.decode(entry["leaf"].as_str().unwrap()).unwrap();
        let proof = Proof::parse(entry["proof"].as_str().unwrap().as_bytes()).unwrap();
        assert_eq!(Some(proof.index), entry["index"].as_u64());
        proof.verify(registry.policy(), &leaf, u64::MAX).unwrap();
        let other = [&leaf[..], b" "].concat();
        assert!(proof.verify(registry.policy(), &other, u64::MAX).is_err());
        let kind = Leaf::parse(&leaf).unwrap().payload().kind().to_owned();
        assert_eq!(entry["type"], kind.as_str());
        kind
    });
    entries.collect()
}

#[test]
fn everything_that_is_in_force_of_an_object_is_proven() {
    let registry = Registry::new();
    let server = Server::start(&registry, &["--renew", "1h"]);
    let module = registry.module("telegram", "1.0.0", b"\0asm");
    let script = registry.script("online", b"{\"v\":2,\"instructions\":[]}");
    assert_eq!(
        proven(&registry, &server, &module.digest),
        ["module.release", "rebuild.attest"]
    );
    assert_eq!(proven(&registry, &server, &script), ["script.publish"]);
    registry.yank(&module);
    registry.revoke(&module);
    std::thread::sleep(std::time::Duration::from_millis(60));
    // What was taken back can be proven to have been said.
    let kinds = proven(&registry, &server, &module.digest);
    assert_eq!(
        kinds,
        ["module.release", "rebuild.attest", "module.yank", "module.revoke"]
    );
    let path = format!("/proofs/{}", hex(&module.digest));
    let tag = server.get(&path).header("etag").unwrap().to_owned();
    assert_eq!(
        server
            .ask("GET", &path, &[&format!("If-None-Match: {tag}")])
            .status,
        304
    );
    for nothing in [
        hex(&Digest::of(b"x")),
        hex(&script).to_uppercase(),
        "..".to_owned(),
    ] {
        assert_eq!(server.get(&format!("/proofs/{nothing}")).status, 404, "{nothing}");
    }
}

#[test]
fn proofs_are_of_the_checkpoint_that_is_served_and_go_over_full_tiles() {
    let registry = Registry::new();
    let first = registry.script("first", b"{}");
    registry.say_many(600);
    let server = Server::start(&registry, &["--renew", "1h"]);
    let reply = server.get(&format!("/proofs/{}", hex(&first)));
    let proof = reply.json()["entries"][0]["proof"].as_str().unwrap().to_owned();
    let checkpoint = server.get("/log/checkpoint").text();
    assert!(proof.ends_with(&checkpoint), "{proof}");
    assert_eq!(proven(&registry, &server, &first), ["script.publish"]);
}
