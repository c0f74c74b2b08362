//! Modules for those who speak OCI: every route, as the distribution specification has it.

use super::registry::{Registry, attest, hex, release};
use super::server::{Reply, Server};
use netsonde_log::{
    leaf::{Leaf, ModuleRelease, Payload},
    proof::Proof,
    role::Role,
    words::Digest,
};
use serde_json::{Value, json};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// A component with nothing in it.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// Another component.
fn component(number: u8) -> Vec<u8> {
    // A custom section without a name, of one byte.
    [COMPONENT, &[0, 2, 0, number]].concat()
}

fn path(module: &str, rest: &str) -> String {
    format!("/v2/modules/netsonde/{module}/{rest}")
}

fn tags(server: &Server, module: &str) -> Value {
    let reply = server.get(&path(module, "tags/list"));
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["tags"].clone()
}

/// Something by its digest, which it says itself, and which is right.
fn get(server: &Server, module: &str, what: &str, digest: &Value) -> Reply {
    let digest = digest.as_str().unwrap();
    let path = path(module, &format!("{what}/{digest}"));
    let reply = server.get(&path);
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    assert_eq!(reply.header("docker-content-digest"), Some(digest));
    assert_eq!(Digest::of(&reply.body).to_string(), digest);
    assert_eq!(
        reply.header("etag").unwrap(),
        format!("\"{}\"", hex(&Digest::of(&reply.body)))
    );
    let head = server.ask("HEAD", &path, &[]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    let len = reply.body.len().to_string();
    for name in ["docker-content-digest", "content-type", "content-length"] {
        assert_eq!(head.header(name), reply.header(name), "{path}");
    }
    assert_eq!(reply.header("content-length"), Some(len.as_str()));
    reply
}

fn error(reply: &Reply) -> (u16, Value) {
    assert_eq!(reply.header("content-type"), Some("application/json"));
    (reply.status, reply.json()["errors"][0]["code"].clone())
}

#[test]
fn a_module_is_an_artifact_that_follows_from_its_release() {
    let registry = Registry::new();
    let module = registry.module("ooni/web_connectivity", "1.2.3", COMPONENT);
    let server = Server::start(&registry, &[]);
    let name = "ooni-web-connectivity";
    let base = server.get("/v2/");
    assert_eq!(
        (base.status, base.header("docker-distribution-api-version")),
        (200, Some("registry/2.0"))
    );
    assert_eq!(
        server.get(&path(name, "tags/list")).json(),
        json!({"name": "modules/netsonde/ooni-web-connectivity", "tags": ["1.2.3"]})
    );
    let by_tag = server.get(&path(name, "manifests/1.2.3"));
    assert_eq!(by_tag.header("content-type"), Some(MANIFEST));
    assert_eq!(by_tag.header("cache-control"), Some("public, max-age=60"));
    let digest = json!(by_tag.header("docker-content-digest").unwrap());
    let by_digest = get(&server, name, "manifests", &digest);
    assert_eq!(by_digest.body, by_tag.body);
    assert_eq!(
        by_digest.header("cache-control"),
        Some("public, max-age=31536000, immutable")
    );
    let manifest = by_tag.json();
    let config = get(&server, name, "blobs", &manifest["config"]["digest"]);
    assert_eq!(
        manifest,
        json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.wasm.config.v0+json",
                "digest": Digest::of(&config.body).to_string(),
                "size": config.body.len(),
            },
            "layers": [{
                "mediaType": "application/wasm",
                "digest": module.digest.to_string(),
                "size": COMPONENT.len(),
                "annotations": {"org.opencontainers.image.title": "ooni-web-connectivity.wasm"},
            }],
            "annotations": {
                "org.opencontainers.image.created": "1970-01-01T00:00:00Z",
                "org.opencontainers.image.revision": module.source.commit.to_string(),
                "org.opencontainers.image.source": module.source.repo,
                "org.opencontainers.image.title": "ooni/web_connectivity",
                "org.opencontainers.image.version": "1.2.3",
            },
        })
    );
    assert_eq!(
        config.json(),
        json!({
            "created": "1970-01-01T00:00:00Z",
            "architecture": "wasm",
            "os": "wasip2",
            "layerDigests": [module.digest.to_string()],
            "component": {"exports": [], "imports": []},
        })
    );
    let layer = get(&server, name, "blobs", &manifest["layers"][0]["digest"]);
    assert_eq!(layer.body, COMPONENT);
    assert_eq!(layer.header("content-type"), Some("application/octet-stream"));
    // Another process makes the same of it.
    let other = Server::start(&registry, &[]);
    assert_eq!(other.get(&path(name, "manifests/1.2.3")).body, by_tag.body);
}

#[test]
fn where_packages_are_is_said_with_the_name_that_the_client_uses() {
    let registry = Registry::new();
    let server = Server::start(&registry, &[]);
    let well_known = "/.well-known/wasm-pkg/registry.json";
    let own = server.get(well_known).json();
    let registry_of = |host: &str| json!({"preferredProtocol": "oci", "oci": {"registry": host, "namespacePrefix": "modules/"}});
    assert_eq!(own, registry_of(&server.address.to_string()));
    for (host, status) in [
        ("registry.example:8443", 200),
        ("[2001:db8::1]:8443", 200),
        ("a b", 400),
        ("user@registry.example", 400),
        ("registry.example/x", 400),
    ] {
        let request = format!("GET {well_known} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let reply = server.send(request.as_bytes());
        assert_eq!(reply.status, status, "{host}");
        if status == 200 {
            assert_eq!(reply.json(), registry_of(host));
        }
    }
}

#[test]
fn the_proof_of_a_release_refers_to_its_manifest() {
    let registry = Registry::new();
    let module = registry.module("telegram", "1.0.0", COMPONENT);
    let server = Server::start(&registry, &["--renew", "100ms"]);
    let manifest = server.get(&path("telegram", "manifests/1.0.0"));
    let digest = manifest.header("docker-content-digest").unwrap().to_owned();
    let referrers = path("telegram", &format!("referrers/{digest}"));
    let reply = server.get(&referrers);
    assert_eq!((reply.status, reply.header("content-type")), (200, Some(INDEX)));
    let index = reply.json();
    let found = &index["manifests"][0];
    assert_eq!(found["artifactType"], "application/vnd.c2sp.tlog-proof");
    assert_eq!(index["manifests"].as_array().unwrap().len(), 1);
    // The checkpoint is signed again before the rest is fetched.
    std::thread::sleep(std::time::Duration::from_millis(1_300));
    let attached = get(&server, "telegram", "manifests", &found["digest"]);
    assert_eq!(attached.header("content-type"), Some(MANIFEST));
    let attached = attached.json();
    assert_eq!(
        attached["subject"],
        json!({"mediaType": MANIFEST, "digest": digest, "size": manifest.body.len()})
    );
    assert_eq!(
        get(&server, "telegram", "blobs", &attached["config"]["digest"]).text(),
        "{}"
    );
    let [proof, leaf] =
        [0, 1].map(|index| get(&server, "telegram", "blobs", &attached["layers"][index]["digest"]).body);
    let proof = Proof::parse(&proof).unwrap();
    proof.verify(registry.policy(), &leaf, u64::MAX).unwrap();
    let Payload::ModuleRelease(release) = Leaf::parse(&leaf).unwrap().payload().clone() else {
        panic!("it is of something else");
    };
    assert_eq!(release, module);
    // Of what has none there are none, and others are not given where one kind is asked for.
    let nothing = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []});
    let unknown = path("telegram", &format!("referrers/{}", Digest::of(b"x")));
    assert_eq!(server.get(&unknown).json(), nothing);
    let filtered = server.get(&format!("{referrers}?artifactType=application/x"));
    assert_eq!(
        (filtered.header("oci-filters-applied"), filtered.json()),
        (Some("artifactType"), nothing)
    );
    let wanted = server.get(&format!(
        "{referrers}?artifactType=application%2Fvnd.c2sp.tlog-proof"
    ));
    assert_eq!(wanted.json()["manifests"].as_array().unwrap().len(), 1);
}

#[test]
fn tags_are_what_may_be_chosen_and_pins_hold_until_a_module_is_revoked() {
    let registry = Registry::new();
    let versions = ["1.0.0", "1.1.0-rc.1", "1.1.0", "1.2.0", "1.10.0"];
    let modules: Vec<ModuleRelease> = (0..)
        .zip(versions)
        .map(|(number, version)| registry.module("telegram", version, &component(number)))
        .collect();
    let only_released = release("telegram", "2.0.0", &component(9));
    registry.put("objects", &component(9));
    registry.say(&Payload::ModuleRelease(only_released.clone()), Role::Modules);
    let server = Server::start(&registry, &[]);
    assert_eq!(
        tags(&server, "telegram"),
        json!(["1.0.0", "1.1.0", "1.10.0", "1.2.0"])
    );
    assert_eq!(server.get(&path("telegram", "manifests/1.1.0-rc.1")).status, 200);
    let missing = server.get(&path("telegram", "manifests/2.0.0"));
    assert_eq!(error(&missing), (404, json!("MANIFEST_UNKNOWN")));
    assert!(
        missing.text().contains("nobody has rebuilt"),
        "{}",
        missing.text()
    );
    registry.say(&Payload::RebuildAttest(attest(&only_released)), Role::Rebuild);
    registry.yank(&modules[2]);
    let pinned = server.get(&path("telegram", "manifests/1.2.0"));
    let by_digest = path(
        "telegram",
        &format!("manifests/{}", pinned.header("docker-content-digest").unwrap()),
    );
    let index = registry.revoke(&modules[3]);
    std::thread::sleep(std::time::Duration::from_millis(60));
    assert_eq!(tags(&server, "telegram"), json!(["1.0.0", "1.10.0", "2.0.0"]));
    // Who has pinned what was yanked can have it.
    let yanked = server.get(&path("telegram", "manifests/1.1.0"));
    assert_eq!(yanked.status, 200);
    get(
        &server,
        "telegram",
        "blobs",
        &yanked.json()["layers"][0]["digest"],
    );
    for gone in [
        path("telegram", "manifests/1.2.0"),
        by_digest,
        path("telegram", &format!("blobs/{}", modules[3].digest)),
    ] {
        let reply = server.get(&gone);
        assert_eq!(error(&reply), (410, json!("DENIED")), "{gone}");
        assert!(
            reply.text().contains(&format!("entry {index}")),
            "{}",
            reply.text()
        );
    }
    assert_eq!(
        server
            .ask("HEAD", &path("telegram", "manifests/1.2.0"), &[])
            .status,
        410
    );
}

#[test]
fn tags_come_in_pages() {
    let registry = Registry::new();
    for (number, version) in (0..).zip(["1.0.0", "1.1.0", "1.2.0"]) {
        registry.module("telegram", version, &component(number));
    }
    let server = Server::start(&registry, &[]);
    let first = server.get(&path("telegram", "tags/list?n=2"));
    assert_eq!(first.json()["tags"], json!(["1.0.0", "1.1.0"]));
    let next = first.header("link").unwrap();
    let next = next
        .strip_prefix('<')
        .unwrap()
        .strip_suffix(">; rel=\"next\"")
        .unwrap();
    let second = server.get(next);
    assert_eq!(
        (second.json()["tags"].clone(), second.header("link")),
        (json!(["1.2.0"]), None)
    );
    assert_eq!(
        server.get(&path("telegram", "tags/list?n=0")).json()["tags"],
        json!([])
    );
    assert_eq!(server.get(&path("telegram", "tags/list?n=x")).status, 400);
}

#[test]
fn a_repository_is_of_the_module_that_was_there_first() {
    let registry = Registry::new();
    registry.module("a_b", "1.0.0", &component(1));
    registry.module("a/b", "1.0.0", &component(2));
    registry.module("a-b", "2.0.0", &component(3));
    let server = Server::start(&registry, &[]);
    assert_eq!(tags(&server, "a-b"), json!(["1.0.0"]));
    let manifest = server.get(&path("a-b", "manifests/1.0.0")).json();
    assert_eq!(
        manifest["layers"][0]["digest"],
        Digest::of(&component(1)).to_string()
    );
    let other = server.get(&path("a-b", &format!("blobs/{}", Digest::of(&component(2)))));
    assert_eq!(error(&other), (404, json!("BLOB_UNKNOWN")));
}

#[test]
fn what_is_wrong_is_said_in_the_words_of_oci() {
    let registry = Registry::new();
    let module = registry.module("telegram", "1.0.0", COMPONENT);
    let server = Server::start(&registry, &[]);
    for (rest, code) in [
        (path("signal", "tags/list"), "NAME_UNKNOWN"),
        (path("signal", "manifests/1.0.0"), "NAME_UNKNOWN"),
        (path("telegram", "manifests/1.0.1"), "MANIFEST_UNKNOWN"),
        (
            path("telegram", &format!("manifests/{}", Digest::of(b"x"))),
            "MANIFEST_UNKNOWN",
        ),
        (
            path("telegram", &format!("blobs/{}", Digest::of(b"x"))),
            "BLOB_UNKNOWN",
        ),
        (path("telegram", "manifests/latest"), "NAME_UNKNOWN"),
        ("/v2/_catalog".to_owned(), "NAME_UNKNOWN"),
    ] {
        assert_eq!(error(&server.get(&rest)), (404, json!(code)), "{rest}");
        assert_eq!(server.ask("HEAD", &rest, &[]).status, 404, "{rest}");
    }
    for (method, rest) in [
        ("POST", path("telegram", "manifests/1.0.0")),
        ("PUT", path("telegram", "manifests/1.0.0")),
        ("DELETE", path("telegram", &format!("blobs/{}", module.digest))),
    ] {
        let reply = server.ask(method, &rest, &["Content-Length: 0"]);
        assert_eq!(error(&reply), (405, json!("UNSUPPORTED")), "{method} {rest}");
    }
    std::fs::remove_file(registry.public("objects").join(hex(&module.digest))).unwrap();
    let server = Server::start(&registry, &[]);
    let reply = server.get(&path("telegram", "manifests/1.0.0"));
    assert_eq!(error(&reply), (404, json!("BLOB_UNKNOWN")));
}
