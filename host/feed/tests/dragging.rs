//! A mirror that answers each time, and never comes to an end.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use netsonde_feed::registries::Addition;
use netsonde_feed::{Getter, Mirror, Patience, Registries};
use netsonde_log::client::Trust;
use netsonde_log::keys::LogSecret;
use netsonde_log::leaf::{Leaf, Payload};
use netsonde_log::role::{Role, SecretRoleKey};
use netsonde_log::root::{LogIdentity, RoleKeys, Root, RootDraft};
use netsonde_log::writer::Writer;

const ORIGIN: &str = "registry.example/log";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// The files of a log with several bundles.
fn log(folder: &Path) -> Root {
    let (key, secret) = (
        SecretRoleKey::from_seed(&[1; 32]),
        LogSecret::new(ORIGIN, &[2; 32]).unwrap(),
    );
    let draft = RootDraft {
        version: 1,
        expires: now() + 1000,
        root: RoleKeys::new(Role::Root, &[key.public()], 1).unwrap(),
        roles: [].into(),
        log: LogIdentity {
            origin: ORIGIN.to_owned(),
            log: secret.public(),
            witnesses: Vec::new(),
            quorum: 0,
        },
    };
    let root = draft.unsigned().unwrap().signed_by(&key).unwrap();
    let leaf = Leaf::new(ORIGIN, &Payload::Root(Box::new(root.clone()))).unwrap();
    let mut entries = vec![leaf.to_bytes()];
    entries.extend((0..2000).map(|number| format!("nothing {number}").into_bytes()));
    let mut writer = Writer::new();
    for (path, bytes) in writer.append(&entries).unwrap().files {
        let file = folder.join("log").join(path.to_string());
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
    let checkpoint = secret.checkpoint(writer.tree(), now());
    fs::write(folder.join("log/checkpoint"), checkpoint.to_string()).unwrap();
    root
}

/// A server of files that thinks for a while before each answer.
fn dragging(folder: PathBuf) -> Mirror {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mirror = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, folder) = (stream.unwrap(), folder.clone());
            std::thread::spawn(move || serve(&stream, &folder));
        }
    });
    mirror.parse().unwrap()
}

fn serve(mut stream: &TcpStream, folder: &Path) {
    let mut lines = BufReader::new(stream).lines();
    while let Some(Ok(line)) = lines.next() {
        let path = line.split(' ').nth(1).unwrap().trim_start_matches('/').to_owned();
        while lines
            .next()
            .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
        {}
        std::thread::sleep(Duration::from_millis(250));
        let (status, body) = match fs::read(folder.join(path)) {
            Ok(body) => ("200 OK", body),
            Err(_) => ("404 Not Found", Vec::new()),
        };
        let _ = write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let _ = stream.write_all(&body);
    }
}

fn follow(patience: Patience) -> Result<u64, String> {
    let (files, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root = log(files.path());
    let getter = Getter::new("netsonde-test", b"", patience).unwrap();
    let addition = Addition {
        trust: Trust::Root(Box::new(root)),
        mirrors: vec![dragging(files.path().to_owned())],
        name: None,
    };
    let added = Registries::new(own.path().to_owned(), getter).add(addition, now());
    let (feed, _) = added.map_err(|error| error.to_string())?;
    Ok(feed.client().ledger().size())
}

#[test]
fn each_file_in_time_is_not_all_of_them_in_time() {
    let patience = Patience {
        mirror: Duration::from_millis(500),
        rate: 1 << 30,
        ..Patience::default()
    };
    let error = follow(patience).unwrap_err();
    assert!(error.contains("file by file, it took longer than"), "{error}");
    // Who has patience gets there.
    assert_eq!(follow(Patience::default()), Ok(2001));
}
