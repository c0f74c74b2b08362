//! nginx, which serves the same folder.

use std::{
    fs,
    io::Write as _,
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A process that ends with this.
pub(crate) struct Nginx {
    process: Child,
    _folder: TempDir,
    pub(crate) address: SocketAddr,
}

impl Nginx {
    /// Serve a folder; if there is no nginx, say so.
    pub(crate) fn start(root: &Path) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        // Port 0 is not for it: take one that was free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = folder.path().join("nginx.conf");
        fs::write(&config, text(folder.path(), root, address)).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder.path()).arg("-c").arg(&config);
        command.arg("-e").arg(folder.path().join("error.log"));
        let Ok(mut process) = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn() else {
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED: nginx is not here: apt-get install nginx-light"
            );
            return None;
        };
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() {
            let is_over = process.try_wait().unwrap().is_some() || Instant::now() > deadline;
            let log = || fs::read_to_string(folder.path().join("error.log")).unwrap_or_default();
            assert!(!is_over, "nginx does not start: {}", log());
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Self {
            process,
            _folder: folder,
            address,
        })
    }

    /// The process and its workers.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let id = self.process.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|child| child.parse().ok());
        children.chain([id]).collect()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its workers end with it when it is asked to, and not when it is killed.
        let asked = Command::new("kill").arg(self.process.id().to_string()).status();
        if asked.is_err() {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

/// As an operator would have it: as many workers as processors, nothing logged, what is served described as we do.
fn text(folder: &Path, root: &Path, address: SocketAddr) -> String {
    let (folder, root) = (folder.display(), root.display());
    format!(
        "daemon off;
         worker_processes auto;
         {}
         pid {folder}/nginx.pid;
         events {{ worker_connections 1024; }}
         http {{
             access_log off;
             sendfile on;
             tcp_nodelay on;
             keepalive_requests 100000000;
             client_body_temp_path {folder}/body;
             proxy_temp_path {folder}/proxy;
             fastcgi_temp_path {folder}/fastcgi;
             uwsgi_temp_path {folder}/uwsgi;
             scgi_temp_path {folder}/scgi;
             types {{ }}
             default_type \"text/plain; charset=utf-8\";
             add_header Cache-Control \"public, max-age=5\";
             server {{ listen {address}; root {root}; }}
         }}\n",
        // Its workers give root up, and could not read a folder that only we may.
        if is_root() { "user root;" } else { "" }
    )
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}
