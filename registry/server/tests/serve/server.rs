//! The binary, and a client that knows no more of HTTP than it needs.

use super::registry::Registry;
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    thread::JoinHandle,
    time::Duration,
};

/// A registry that is served by a process of its own, which ends with this.
pub(crate) struct Server {
    process: Child,
    log: Option<JoinHandle<String>>,
    /// Where it listens, in the order in which it says so.
    pub(crate) urls: Vec<String>,
    pub(crate) address: SocketAddr,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The head and what follows it.
    pub(crate) fn read(came: &[u8]) -> Self {
        let end = came.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no response: {}", String::from_utf8_lossy(came)));
        let head = String::from_utf8_lossy(&came[..end]).into_owned();
        Self {
            status: head[9..12].parse().unwrap(),
            head,
            body: came[end + 4..].to_vec(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let found = fields.find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

impl Server {
    pub(crate) fn start(registry: &Registry, flags: &[&str]) -> Self {
        Self::start_logging(registry, "info", flags)
    }

    pub(crate) fn start_logging(registry: &Registry, log: &str, flags: &[&str]) -> Self {
        // What it listens on beside the first, it says in a line of its own.
        let is_another = |flag: &&&str| flag.ends_with("listen");
        let lines = 1 + flags.iter().filter(is_another).count();
        let mut process = Command::new(env!("CARGO_BIN_EXE_netsonde-registry"))
            .args(["serve", "--listen", "127.0.0.1:0", "--dir"])
            .arg(registry.path())
            .args(flags)
            .env("NETSONDE_LOG", log)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = process.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut log = Vec::new();
            stderr.read_to_end(&mut log).unwrap();
            String::from_utf8_lossy(&log).into_owned()
        });
        let said = BufReader::new(process.stdout.take().unwrap());
        let urls: Vec<String> = said.lines().take(lines).map(Result::unwrap).collect();
        let Some(first) = urls.get(lines - 1).and(urls.first()) else {
            panic!("it did not start: {}", log.join().unwrap());
        };
        Self {
            process,
            log: Some(log),
            address: address(first),
            urls,
        }
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[])
    }

    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[&str]) -> Reply {
        let more: String = headers.iter().flat_map(|header| [*header, "\r\n"]).collect();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{more}\r\n",
            self.address
        );
        self.send(head.as_bytes())
    }

    /// Send bytes, and read until the end.
    pub(crate) fn send(&self, bytes: &[u8]) -> Reply {
        Reply::read(&exchange(self.address, bytes))
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ask it to end; how it ended, and what it logged.
    pub(crate) fn terminate(&mut self) -> (Option<i32>, String) {
        let id = self.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(killed.success());
        let code = self.process.wait().unwrap().code();
        (code, self.log.take().unwrap().join().unwrap())
    }

    /// End it as it stands.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The address in a URL.
pub(crate) fn address(url: &str) -> SocketAddr {
    url.split('/').nth(2).unwrap().parse().unwrap()
}

/// Write everything, as far as it is taken, and read until the end.
pub(crate) fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    // A server that has heard enough answers before it has taken everything.
    let _ = stream.write_all(bytes);
    let mut came = Vec::new();
    let _ = stream.read_to_end(&mut came);
    came
}
