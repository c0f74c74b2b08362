//! A mirror that answers each time, and never comes to an end.

#![expect(clippy::unwrap_used, reason = "test code")]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use netsonde_feed::registries::Addition;
use netsonde_feed::{Getter, Mirror, Patience, Registries};
use netsonde_log::client::Trust;

use support::{log, now};

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
    let root = log(files.path(), 2001);
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
