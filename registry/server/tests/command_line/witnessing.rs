//! Witnesses: a log whose checkpoints nobody sees before enough of them have signed.

use super::{Desk, size};
use netsonde_log::{keys::LogSecret, root::Root};
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
};

/// A witness that answers. It is killed when it is dropped.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An address that nobody listens at.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn serve(desk: &Desk, folder: &str, address: SocketAddr, log: &str) -> Serving {
    let mut child = Command::new(env!("CARGO_BIN_EXE_netsonde-registry"))
        .current_dir(desk.path(""))
        .args(["witness", "serve", "--dir", folder, "--listen"])
        .arg(address.to_string())
        .args(["--log", log])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut said)
        .unwrap();
    assert!(said.starts_with("http://"), "{said}");
    Serving(child)
}

/// All witnesses of a log.
fn serve_all(desk: &Desk, addresses: &[SocketAddr], log: &str) -> Vec<Serving> {
    let numbered = addresses.iter().enumerate();
    numbered
        .map(|(number, address)| serve(desk, &format!("w{number}"), *address, log))
        .collect()
}

fn log_key(desk: &Desk) -> String {
    let said = desk.done("status --dir registry");
    let line = said.lines().find_map(|line| line.strip_prefix("key "));
    line.unwrap().to_owned()
}

/// A log with three witnesses, two of which have to sign.
fn watched() -> (Desk, Vec<SocketAddr>) {
    let desk = Desk::new();
    desk.done("key new ann bob");
    let addresses: Vec<SocketAddr> = (0..3).map(|_| free()).collect();
    let mut init =
        "root init --dir registry --origin registry.example/log --key ann.pub --key bob.pub".to_owned();
    for (number, address) in addresses.iter().enumerate() {
        desk.done(&format!(
            "witness new --dir w{number} --name w{number}.example --url http://{address}"
        ));
        init = format!("{init} --witness w{number}/witness.pub");
    }
    let said = desk.refused(&format!("{init} --quorum 4"));
    assert!(said.contains("--quorum 4"), "{said}");
    assert!(!desk.path("registry").exists());
    desk.done(&init);
    (desk, addresses)
}

#[test]
fn nothing_is_published_before_enough_witnesses_have_signed() {
    let (desk, addresses) = watched();
    let log = log_key(&desk);
    let _first = serve(&desk, "w0", addresses[0], &log);
    let sign = "root sign registry/roots/1.json --key ann.key --key bob.key --dir registry";
    let said = desk.refused(sign);
    assert!(
        said.contains("1 of the witnesses have signed, and 2 must"),
        "{said}"
    );
    let checkpoint = fs::read_to_string(desk.path("registry/public/log/checkpoint")).unwrap();
    assert_eq!(checkpoint.lines().nth(1), Some("0"), "{checkpoint}");
    let second = serve(&desk, "w1", addresses[1], &log);
    // The next who comes does what was left to do.
    desk.done("status --dir registry");
    assert_eq!(size(&desk.path("registry")), 1);
    // A witness that was away is asked from where it was.
    let third = serve(&desk, "w2", addresses[2], &log);
    desk.done("flags set telegram=off --dir registry --key ann.key --key bob.key");
    drop(third);
    desk.done("flags set ndt=off --dir registry --key ann.key --key bob.key --emergency");
    let _third = serve(&desk, "w2", addresses[2], &log);
    drop(second);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    desk.done("flags set dash=off --dir registry --key ann.key --key bob.key");
    assert_eq!(size(&desk.path("registry")), 4);
}

#[test]
fn what_is_said_while_witnesses_are_away_is_kept_all_of_it() {
    let (desk, addresses) = watched();
    let log = log_key(&desk);
    let witnesses = serve_all(&desk, &addresses, &log);
    desk.done("root sign registry/roots/1.json --key ann.key --key bob.key --dir registry");
    drop(witnesses);
    for flag in ["telegram=off", "signal=off"] {
        let said = desk.refused(&format!(
            "flags set {flag} --dir registry --key ann.key --emergency"
        ));
        assert!(said.contains("is kept and will be published"), "{said}");
        assert_eq!(size(&desk.path("registry")), 1);
    }
    let said = desk.done("status --dir registry");
    assert!(
        said.contains("telegram is switched off") && said.contains("signal is switched off"),
        "{said}"
    );
    let _witnesses = serve_all(&desk, &addresses, &log);
    desk.done("status --dir registry");
    assert_eq!(size(&desk.path("registry")), 3);
}

#[test]
fn a_log_that_forks_is_not_signed_for() {
    let (desk, addresses) = watched();
    let log = log_key(&desk);
    let witnesses = serve_all(&desk, &addresses, &log);
    desk.done("root sign registry/roots/1.json --key ann.key --key bob.key --dir registry");
    // A thief of the log's key and of all its files tells another story from here on.
    let copy = |from: &str, to: &str| {
        let output = Command::new("cp")
            .current_dir(desk.path(""))
            .args(["-r", from, to])
            .output()
            .unwrap();
        assert!(output.status.success());
    };
    copy("registry", "stolen");
    desk.done("flags set telegram=off --dir registry --key ann.key --key bob.key");
    let said = desk.refused("flags set telegram=on --dir stolen --key ann.key --key bob.key");
    assert!(said.contains("0 of the witnesses have signed"), "{said}");
    assert_eq!(size(&desk.path("stolen")), 1);
    // Neither under another name of the same size, nor after the witnesses were restarted.
    drop(witnesses);
    let _witnesses = serve_all(&desk, &addresses, &log);
    desk.refused("flags set ndt=on --dir stolen --key ann.key --key bob.key");
    assert_eq!(size(&desk.path("stolen")), 1);
}

#[test]
fn a_witness_tells_what_is_wrong_with_a_question() {
    let (desk, addresses) = watched();
    let _witness = serve(&desk, "w0", addresses[0], &log_key(&desk));
    let ask = |method: &str, path: &str, body: &str| {
        let output = Command::new("curl")
            .args([
                "--silent",
                "--max-time",
                "20",
                "--write-out",
                " %{http_code}",
                "--request",
                method,
            ])
            .args(["--data-binary", body])
            .arg(format!("http://{}{path}", addresses[0]))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let stranger = LogSecret::new("stranger.example/log", &[9; 32]).unwrap();
    let impostor = LogSecret::new("registry.example/log", &[9; 32]).unwrap();
    let tree = netsonde_log::tree::Tree::EMPTY;
    let question = |secret: &LogSecret| format!("old 0\n\n{}", secret.checkpoint(tree, 1));
    for (method, path, body, wanted) in [
        ("POST", "/add-checkpoint", "nonsense".to_owned(), " 400"),
        ("POST", "/add-checkpoint", "x".repeat(100_000), " 413"),
        ("POST", "/other", String::new(), " 404"),
        ("PUT", "/add-checkpoint", String::new(), " 405"),
        ("POST", "/add-checkpoint", question(&stranger), " 404"),
        ("POST", "/add-checkpoint", question(&impostor), " 403"),
    ] {
        let said = ask(method, path, &body);
        assert!(said.ends_with(wanted), "{method} {path}: {said}");
    }
    let root = Root::parse(&fs::read(desk.path("registry/roots/1.json")).unwrap()).unwrap();
    assert_eq!(root.policy().witnesses().len(), 3);
}

#[test]
fn one_client_does_not_take_a_witness_from_the_others() {
    let (desk, addresses) = watched();
    let _witness = serve(&desk, "w0", addresses[0], &log_key(&desk));
    let mut held: Vec<TcpStream> = (0..8)
        .map(|_| TcpStream::connect(addresses[0]).unwrap())
        .collect();
    let status = |stream: &mut TcpStream| {
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: w0.example\r\nconnection: close\r\n\r\n");
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        String::from_utf8_lossy(&said).lines().next().map(str::to_owned)
    };
    let mut ninth = TcpStream::connect(addresses[0]).unwrap();
    assert_eq!(status(&mut ninth), None);
    // Those that it has are served, and make room when they end.
    for stream in &mut held {
        assert_eq!(status(stream).as_deref(), Some("HTTP/1.1 404 Not Found"));
    }
}
