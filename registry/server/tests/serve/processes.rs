//! Several processes, and the ends that they come to.

use super::registry::Registry;
use super::server::{Reply, Server, address, exchange};
use netsonde_log::keys::WitnessSecret;
use rcgen::{CertificateParams, KeyPair};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, Stream, crypto::aws_lc_rs, pki_types::ServerName,
};

/// Ask until it is so.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_checkpoint_is_signed_again_at_the_start_and_from_time_to_time() {
    let registry = Registry::new();
    let signed = |server: &Server| registry.open(&server.get("/log/checkpoint").body).time;
    let before = registry
        .open(&fs::read(registry.public("log/checkpoint")).unwrap())
        .time;
    std::thread::sleep(Duration::from_millis(1_100));
    let server = Server::start(&registry, &["--renew", "1h"]);
    assert!(signed(&server) > before);
    drop(server);
    let server = Server::start(&registry, &["--renew", "300ms"]);
    let started = signed(&server);
    eventually("signed again", || signed(&server) > started + 1);
}

#[test]
fn what_goes_wrong_with_signing_is_logged_and_the_rest_is_served() {
    let registry = Registry::new();
    let mut server = Server::start(&registry, &["--renew", "100ms"]);
    let checkpoint = registry.public("log/checkpoint");
    let whole = fs::read(&checkpoint).unwrap();
    fs::write(&checkpoint, b"damaged").unwrap();
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(server.get("/roots/1.json").status, 200);
    let reply = server.get("/health");
    assert_eq!(reply.status, 500);
    assert!(!reply.text().contains("checkpoint"), "{}", reply.text());
    fs::write(&checkpoint, whole).unwrap();
    eventually("all is well again", || server.get("/health").status == 200);
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(
        log.contains("sign the checkpoint again") && log.contains("checkpoint"),
        "{log}"
    );
}

#[test]
fn witnesses_that_do_not_answer_are_no_reason_not_to_serve() {
    let registry = Registry::new();
    let signed = fs::read(registry.public("log/checkpoint")).unwrap();
    // It takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let key = WitnessSecret::new("witness.example", &[9; 32])
        .unwrap()
        .public()
        .to_string();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let witnesses = serde_json::json!({"quorum": 1, "witnesses": [{"key": key, "url": url}]});
    fs::write(registry.path().join("witnesses.json"), witnesses.to_string()).unwrap();
    let began = Instant::now();
    let server = Server::start(&registry, &[]);
    assert_eq!(server.get("/log/checkpoint").body, signed);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    server.kill();
    drop(silent);
    let mut server = Server::start(&registry, &[]);
    assert_eq!(server.get("/log/checkpoint").body, signed);
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(
        log.contains("0 of the witnesses have signed, and 1 must"),
        "{log}"
    );
}

#[test]
fn two_that_serve_and_one_that_publishes_do_not_disturb_each_other() {
    let registry = Registry::new();
    let servers = [(); 2].map(|()| Server::start(&registry, &["--renew", "20ms"]));
    for number in 0..10 {
        registry.script(
            "online",
            format!("{{\"v\":2,\"instructions\":[{number}]}}").as_bytes(),
        );
        std::thread::sleep(Duration::from_millis(1_010));
        for server in &servers {
            let tree = registry.open(&server.get("/log/checkpoint").body).tree;
            assert_eq!(tree.size(), number + 2);
        }
    }
}

#[test]
fn a_process_that_is_killed_leaves_what_the_next_one_serves() {
    let registry = Registry::new();
    let mut size = 1;
    for number in 0..5_u64 {
        let server = Server::start(&registry, &["--renew", "1ms"]);
        registry.script(&format!("script{number}"), b"{\"v\":2,\"instructions\":[]}");
        std::thread::sleep(Duration::from_millis(7 * number));
        server.kill();
        let left = registry.open(&fs::read(registry.public("log/checkpoint")).unwrap());
        size += 1;
        assert_eq!(left.tree.size(), size);
    }
    let server = Server::start(&registry, &[]);
    assert_eq!(server.get("/health").json()["size"], size);
}

#[test]
fn asked_to_end_it_answers_what_is_under_way() {
    let registry = Registry::new();
    let object = vec![b'x'; 40 << 20];
    let path = format!(
        "/objects/{}",
        super::registry::hex(&registry.put("objects", &object))
    );
    let mut server = Server::start(&registry, &[]);
    let server_address = server.address;
    let is_over = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicUsize::new(0));
    let asking: Vec<_> = (0..4)
        .map(|_| {
            let (is_over, answered) = (Arc::clone(&is_over), Arc::clone(&answered));
            std::thread::spawn(move || {
                let request = b"GET /log/checkpoint HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
                while !is_over.load(Ordering::Relaxed) {
                    let Ok(mut stream) = TcpStream::connect(server_address) else {
                        continue;
                    };
                    let mut came = Vec::new();
                    if stream.write_all(request).is_err() || stream.read_to_end(&mut came).is_err() {
                        continue;
                    }
                    // What came is whole, or nothing.
                    if !came.is_empty() {
                        let reply = Reply::read(&came);
                        assert_eq!(
                            reply.header("content-length"),
                            Some(reply.body.len().to_string().as_str())
                        );
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    eventually("some are answered", || answered.load(Ordering::Relaxed) > 20);
    // A long answer to somebody who takes his time.
    let mut slow = TcpStream::connect(server_address).unwrap();
    slow.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
        .unwrap();
    let mut came = vec![0; 1 << 20];
    slow.read_exact(&mut came).unwrap();
    let reading = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        slow.read_to_end(&mut came).unwrap();
        came
    });
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("stopping"), "{log}");
    assert_eq!(Reply::read(&reading.join().unwrap()).body.len(), object.len());
    is_over.store(true, Ordering::Relaxed);
    for asking in asking {
        asking.join().unwrap();
    }
    assert!(TcpStream::connect(server_address).is_err());
}

#[test]
fn what_is_no_registry_is_not_served() {
    let registry = Registry::new();
    fs::remove_file(registry.path().join("log.key")).unwrap();
    let said = fails(&registry);
    assert!(said.contains("holds no registry"), "{said}");
}

#[test]
fn a_database_of_yesterday_is_not_served() {
    let registry = Registry::new();
    let database = registry.path().join("registry.sqlite");
    let yesterday = fs::read(&database).unwrap();
    registry.script("online", b"{}");
    for file in ["registry.sqlite-wal", "registry.sqlite-shm"] {
        let _ = fs::remove_file(registry.path().join(file));
    }
    fs::write(&database, yesterday).unwrap();
    let said = fails(&registry);
    assert!(
        said.contains("published 2 entries, and the database has 1"),
        "{said}"
    );
}

/// What it says where it does not start.
fn fails(registry: &Registry) -> String {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_netsonde-registry"))
        .args(["serve", "--listen", "127.0.0.1:0", "--dir"])
        .arg(registry.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn it_speaks_tls_with_a_certificate() {
    let registry = Registry::new();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["registry.example".to_owned()]).unwrap();
    let certificate = certificate.self_signed(&key).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (pem, secret) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    fs::write(&pem, certificate.pem()).unwrap();
    fs::write(&secret, key.serialize_pem()).unwrap();
    let (pem, secret) = (pem.to_str().unwrap(), secret.to_str().unwrap());
    let flags = ["--certificate", pem, "--key", secret, "--listen", "127.0.0.1:0"];
    let server = Server::start(&registry, &flags);
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = Arc::new(config);
    assert_eq!(server.urls.len(), 2);
    for url in &server.urls {
        assert!(url.starts_with("https://"), "{url}");
        let name = ServerName::try_from("registry.example").unwrap();
        let mut session = ClientConnection::new(Arc::clone(&config), name).unwrap();
        let mut stream = TcpStream::connect(address(url)).unwrap();
        let mut tls = Stream::new(&mut session, &mut stream);
        tls.write_all(b"GET /log/checkpoint HTTP/1.1\r\nHost: registry.example\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut came = Vec::new();
        let _ = tls.read_to_end(&mut came);
        assert_eq!(registry.open(&Reply::read(&came).body).tree.size(), 1);
    }
    // In the clear there is nothing.
    let came = exchange(server.address, b"GET /log/checkpoint HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(!came.starts_with(b"HTTP/1.1 200"));
}
