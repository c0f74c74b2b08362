//! A web server for files, honest or not.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What it answers in place of the file.
#[derive(Clone)]
pub(crate) enum Answer {
    /// These bytes.
    Bytes(Vec<u8>),
    /// This status.
    Status(u16),
    /// Bytes without end.
    Endless,
    /// These bytes, said to be packed.
    Gzip(Vec<u8>),
    /// A byte, and then nothing.
    Silent,
}

struct Shared {
    folder: PathBuf,
    answers: Mutex<BTreeMap<String, Answer>>,
    asked: Mutex<Vec<String>>,
}

/// A server that ends with the process.
pub(crate) struct Server {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

impl Server {
    pub(crate) fn of(folder: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            folder,
            answers: Mutex::default(),
            asked: Mutex::default(),
        });
        let serving = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = serving.clone();
                std::thread::spawn(move || {
                    let _ = serve(&stream, &shared);
                });
            }
        });
        Self { url, shared }
    }

    /// Answer so to a path, from now on.
    pub(crate) fn answer(&self, path: &str, answer: Answer) {
        let mut answers = self.shared.answers.lock().unwrap();
        answers.insert(path.to_owned(), answer);
    }

    /// Answer with files again.
    pub(crate) fn be_honest(&self) {
        self.shared.answers.lock().unwrap().clear();
    }

    /// What was asked for so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().clone()
    }
}

fn serve(stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    loop {
        let Some(line) = lines.next() else {
            return Ok(());
        };
        let line = line?;
        let path = line
            .split(' ')
            .nth(1)
            .unwrap_or_default()
            .trim_start_matches('/')
            .to_owned();
        while lines
            .next()
            .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
        {}
        shared.asked.lock().unwrap().push(path.clone());
        let special = shared.answers.lock().unwrap().get(&path).cloned();
        let answer = special.unwrap_or_else(|| match fs::read(shared.folder.join(&path)) {
            Ok(bytes) => Answer::Bytes(bytes),
            Err(_) => Answer::Status(404),
        });
        respond(stream, answer)?;
    }
}

fn respond(mut stream: &TcpStream, answer: Answer) -> std::io::Result<()> {
    match answer {
        Answer::Bytes(bytes) => {
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                bytes.len()
            )?;
            stream.write_all(&bytes)
        }
        Answer::Status(status) => {
            let location = "Location: http://127.0.0.1:1/\r\n";
            write!(
                stream,
                "HTTP/1.1 {status} X\r\n{location}Content-Length: 0\r\n\r\n"
            )
        }
        Answer::Gzip(bytes) => {
            let length = bytes.len();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n"
            )?;
            stream.write_all(&bytes)
        }
        Answer::Endless => {
            write!(stream, "HTTP/1.1 200 OK\r\n\r\n")?;
            loop {
                stream.write_all(&[b'x'; 8192])?;
            }
        }
        Answer::Silent => {
            write!(stream, "HTTP/1.1 200 OK\r\n\r\nx")?;
            std::thread::sleep(Duration::from_mins(1));
            Ok(())
        }
    }
}
