//! The binary, and a client that knows no more of HTTP than it needs.

use super::World;
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
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
        Self::start_binary(env!("CARGO_BIN_EXE_netsonde-registry"), world, flags)
    }

    pub fn start_binary(binary: &str, world: &World, flags: &[&str]) -> Self {
        let mut process = Command::new(binary)
            .args(["test-helper", "--listen", "127.0.0.1:0"])
            .args(flags)
            .env("NETSONDE_CA_FILE", world.folder.path().join("ca.pem"))
            .env_remove("OOHELPERD_ENABLE_QUIC")
            .env_remove("NETSONDE_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line.trim().to_owned();
        let address = url.split('/').nth(2).and_then(|address| address.parse().ok());
        let Some(address) = address else {
            let mut said = String::new();
            process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("it did not start: {said}");
        };
        Self {
            process,
            url,
            address,
        }
    }

    pub fn id(&self) -> u32 {
        self.process.id()
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
        let mut log = String::new();
        self.process
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
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

/// Write everything, as far as it is taken, and read until the end.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> Reply {
    let talk = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let (mut read, mut write) = stream.split();
        let mut came = Vec::new();
        // A server that has heard enough answers before it has taken everything.
        let (_, _) = tokio::join!(write.write_all(bytes), read.read_to_end(&mut came));
        came
    };
    let came = timeout(Duration::from_mins(1), talk)
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

/// A port that is free at this moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
