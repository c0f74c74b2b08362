//! The binary, and a client that knows no more of HTTP than it needs.

use super::World;
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    thread::JoinHandle,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// A test helper in a process of its own, which ends with this.
pub struct Helper {
    process: Child,
    log: Option<JoinHandle<String>>,
    pub url: String,
    pub address: SocketAddr,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, 200, "{text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

impl Helper {
    /// Start it on loopback, where it may measure loopback.
    pub fn start(world: &World, flags: &[&str]) -> Self {
        let resolver = format!("https://{}/dns-query", world.zone.address);
        let mut line = vec!["--allow-destination", "loopback", "--resolver", &resolver];
        line.extend(flags);
        Self::start_with(world, &line)
    }

    pub fn start_with(world: &World, flags: &[&str]) -> Self {
        Self::start_logging(world, "info", flags)
    }

    pub fn start_logging(world: &World, log: &str, flags: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_netsonde-registry"))
            .args(["test-helper", "--listen", "127.0.0.1:0"])
            .args(flags)
            .env("NETSONDE_CA_FILE", world.folder.path().join("ca.pem"))
            .env_remove("OOHELPERD_ENABLE_QUIC")
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
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line.trim().to_owned();
        let address = url.split('/').nth(2).and_then(|address| address.parse().ok());
        let Some(address) = address else {
            panic!("it did not start: {}", log.join().unwrap());
        };
        Self {
            process,
            log: Some(log),
            url,
            address,
        }
    }

    /// The most memory that it has had so far, in bytes; none where the system does not tell.
    pub fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kilobytes << 10)
    }

    /// How much processor time it has had so far, in hundredths of a second as Linux counts it; none where the system does
    /// not tell.
    pub fn processor_time(&self) -> Option<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).ok()?;
        // What is before may have spaces in it.
        let (_, fields) = stat.rsplit_once(')')?;
        let times = fields.split_whitespace().skip(11).take(2);
        let ticks: u64 = times.map(|ticks| ticks.parse().unwrap_or(0)).sum();
        Some(Duration::from_millis(ticks * 10))
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// Ask it to end; how it ended, and what it logged.
    pub fn terminate(&mut self) -> (Option<i32>, String) {
        let id = self.process.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(killed.success());
        let code = self.process.wait().unwrap().code();
        let log = self.log.take().unwrap().join().unwrap();
        (code, log)
    }

    /// Ask a question, as a probe does.
    pub async fn ask(&self, question: &Value) -> Value {
        let body = serde_json::to_vec(question).unwrap();
        post(self.address, "ooniprobe-test/1.0", &body).await.json()
    }

    /// Send bytes, and read until the end.
    pub async fn send(&self, bytes: &[u8]) -> Reply {
        exchange(self.address, bytes).await
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One POST.
pub async fn post(address: SocketAddr, user_agent: &str, body: &[u8]) -> Reply {
    let head = format!(
        "POST / HTTP/1.1\r\nHost: helper\r\nUser-Agent: {user_agent}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    exchange(address, &[head.as_bytes(), body].concat()).await
}

async fn exchange(address: SocketAddr, bytes: &[u8]) -> Reply {
    let came = timeout(Duration::from_mins(1), talk(address, bytes))
        .await
        .unwrap_or_else(|_| panic!("no answer"));
    let end = came.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no response: {}", String::from_utf8_lossy(&came)));
    let head = String::from_utf8_lossy(&came[..end]).into_owned();
    Reply {
        status: head[9..12].parse().unwrap(),
        head,
        body: came[end + 4..].to_vec(),
    }
}

/// Write everything, as far as it is taken, and read until the end.
pub async fn talk(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut read, mut write) = stream.split();
    let mut came = Vec::new();
    // A server that has heard enough answers before it has taken everything.
    let (_, _) = tokio::join!(write.write_all(bytes), read.read_to_end(&mut came));
    came
}
