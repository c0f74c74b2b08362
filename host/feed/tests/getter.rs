//! Getting files from servers that mean no good.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use netsonde_feed::file::{File, Kind, Object, Size};
use netsonde_feed::{GetError, Getter, Mirror, Patience};
use netsonde_log::words::Digest;

fn getter() -> Getter {
    let patience = Patience {
        silence: Duration::from_millis(500),
        file: Duration::from_secs(1),
        rate: 1 << 20,
        ..Patience::default()
    };
    Getter::new("netsonde-test", b"", patience).unwrap()
}

/// Ten bytes that the log names.
fn file() -> File {
    File::Object(Object {
        kind: Kind::Object,
        digest: Digest::of(b"0123456789"),
        size: Size::Exactly(10),
    })
}

/// A server that answers one request so.
fn server(answer: impl FnOnce(&mut TcpStream) + Send + 'static) -> Mirror {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mirror = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let length = stream.read(&mut request).unwrap();
        let request = String::from_utf8_lossy(request.get(..length).unwrap()).to_lowercase();
        assert!(request.contains("user-agent: netsonde-test"), "{request}");
        assert!(!request.contains("accept-encoding: gzip"), "{request}");
        answer(&mut stream);
    });
    mirror.parse().unwrap()
}

fn answering(head: &'static str, body: &'static [u8]) -> Mirror {
    server(move |stream| {
        let _ = write!(
            stream,
            "HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let _ = stream.write_all(body);
    })
}

fn refused(mirror: &Mirror) -> String {
    getter().get(mirror, &file()).unwrap_err().to_string()
}

#[test]
fn a_file_is_its_bytes() {
    let got = getter().get(&answering("200 OK", b"0123456789"), &file());
    assert_eq!(got.unwrap(), b"0123456789");
}

#[test]
fn other_answers_are_each_their_own_error() {
    for (head, words) in [
        ("404 Not Found", "there is none"),
        ("410 Gone", "it was withdrawn"),
        ("500 No", "the status 500"),
        (
            "302 Found\r\nLocation: http://127.0.0.1:1/",
            "sends elsewhere (status 302)",
        ),
        ("200 OK\r\nContent-Encoding: gzip", "packed it (gzip)"),
    ] {
        let said = refused(&answering(head, b"0123456789"));
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_body_that_is_too_long_is_not_read() {
    let said = refused(&answering("200 OK", b"01234567890"));
    assert!(said.contains("longer than the 10 bytes"), "{said}");
    let endless = server(|stream| {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 8192]).is_ok() {}
    });
    let error = getter().get(&endless, &file()).unwrap_err();
    assert!(matches!(error, GetError::TooLong(10)), "{error}");
}

#[test]
fn a_slow_server_is_not_waited_for() {
    let drip = server(|stream| {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(300));
        }
    });
    let silent = server(|stream| {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\n\r\n");
        std::thread::sleep(Duration::from_secs(20));
    });
    for mirror in [drip, silent] {
        let begun = Instant::now();
        let error = getter().get(&mirror, &file()).unwrap_err();
        assert!(
            matches!(error, GetError::Slow { whole: 1, silence: 0 }),
            "{error}"
        );
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn nobody_there_is_said() {
    let error = getter()
        .get(&"http://127.0.0.1:1/".parse().unwrap(), &file())
        .unwrap_err();
    assert!(matches!(error, GetError::Unreachable(_)), "{error}");
}

#[cfg(unix)]
#[test]
fn nothing_leads_out_of_a_folder() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::NamedTempFile::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mirror: Mirror = format!("file://{}", folder.path().display()).parse().unwrap();
    let path = folder.path().join(file().to_string());
    let error = getter().get(&mirror, &file()).unwrap_err();
    assert!(matches!(error, GetError::NotFound), "{error}");
    std::fs::create_dir(folder.path().join("objects")).unwrap();
    symlink(outside.path(), &path).unwrap();
    let error = getter().get(&mirror, &file()).unwrap_err();
    assert!(matches!(error, GetError::NotAFile), "{error}");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let error = getter().get(&mirror, &file()).unwrap_err();
    assert!(matches!(error, GetError::NotAFile), "{error}");
    // The folder that it is in may lead elsewhere, and is not followed there.
    std::fs::remove_dir_all(folder.path().join("objects")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join(path.file_name().unwrap()), b"0123456789").unwrap();
    symlink(elsewhere.path(), folder.path().join("objects")).unwrap();
    let error = getter().get(&mirror, &file()).unwrap_err();
    assert!(matches!(error, GetError::Folder(_)), "{error}");
    std::fs::remove_file(folder.path().join("objects")).unwrap();
    std::fs::create_dir(folder.path().join("objects")).unwrap();
    std::fs::write(&path, b"0123456789").unwrap();
    assert_eq!(getter().get(&mirror, &file()).unwrap(), b"0123456789");
}

/// A server with a certificate of its own for this machine, that answers one request over TLS; its certificate in PEM.
fn over_tls() -> (Mirror, String) {
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
    let config =
        rustls::ServerConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mirror = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let session = rustls::ServerConnection::new(config.clone().into()).unwrap();
            let mut stream = rustls::StreamOwned::new(session, stream.unwrap());
            let mut request = [0; 4096];
            if stream.read(&mut request).is_ok_and(|length| length > 0) {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789");
                let _ = stream.flush();
            }
        }
    });
    (mirror.parse().unwrap(), certified.cert.pem())
}

#[test]
fn certificates_of_others_are_trusted_only_where_they_are_given() {
    let (mirror, certificate) = over_tls();
    let error = getter().get(&mirror, &file()).unwrap_err();
    assert!(matches!(error, GetError::Unreachable(_)), "{error}");
    let getter = Getter::new("netsonde-test", certificate.as_bytes(), Patience::default()).unwrap();
    assert_eq!(getter.get(&mirror, &file()).unwrap(), b"0123456789");
}
