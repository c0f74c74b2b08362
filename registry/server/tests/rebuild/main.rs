//! Modules that are built again from their source, some of whose build scripts are hostile.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "test code")]

mod world;

use netsonde_log::words::Digest;
use netsonde_registry::rebuild::{DescribeError, RebuildError, describe, rebuild};
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::TcpListener,
    os::unix::net::UnixListener,
    path::Path,
    process::{Command, Stdio},
};
use world::{Author, guest_tool, options, skip, skip_without_sandbox};

/// A build script that tries to reach what it should not, and tells what it could.
const CURIOUS: &str = r#"
use std::{env, fs, net::*, os::unix::net::UnixStream};
fn main() {
    let at = |name: &str| fs::read_to_string(name).unwrap();
    let here = env::var("CARGO_MANIFEST_DIR").unwrap();
    let told = at(&format!("{here}/told"));
    let mut told = told.lines();
    let (secret, tcp, unix) = (told.next().unwrap(), told.next().unwrap(), told.next().unwrap());
    let mut reached = Vec::new();
    let mut tried = |what: &str, could: bool| if could { reached.push(what.to_owned()) };
    tried("a key in the home", fs::read(secret).is_ok());
    tried("the folder it is in", fs::read_dir(std::path::Path::new(secret).parent().unwrap()).is_ok());
    tried("a file of the system", fs::read("/etc/passwd").is_ok());
    tried("other processes", fs::read("/proc/1/environ").is_ok() || fs::read_dir("/proc").is_ok());
    tried("a TCP socket", TcpStream::connect(tcp).is_ok());
    tried("a UDP socket", UdpSocket::bind("127.0.0.1:0").is_ok());
    tried("a socket of this machine", UnixStream::connect(unix).is_ok());
    tried("the environment", env::var("REGISTRY_SECRET").is_ok());
    tried("the source", fs::write(format!("{here}/src/lib.rs"), "changed").is_ok());
    tried("a file elsewhere", fs::write(format!("{secret}.new"), "x").is_ok());
    panic!("REACHED {reached:?}");
}
"#;

/// What the curious build script says that it could reach.
fn reached(sandboxed: bool) -> Option<String> {
    let elsewhere = tempfile::tempdir().unwrap();
    let secret = elsewhere.path().join("id_ed25519");
    fs::write(&secret, "secret").unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let unix = elsewhere.path().join("agent");
    let _agent = UnixListener::bind(&unix).unwrap();
    let told = format!(
        "{}\n{}\n{}\n",
        secret.display(),
        tcp.local_addr().unwrap(),
        unix.display()
    );
    let author = Author::new(&[("told", &told), ("build.rs", CURIOUS)]);
    let work = tempfile::tempdir().unwrap();
    let error = rebuild(
        &describe(&author.guest()).unwrap(),
        work.path(),
        &options(sandboxed),
    )
    .unwrap_err();
    if skip_without_sandbox(&error) {
        return None;
    }
    let said = error.to_string();
    assert!(
        matches!(error, RebuildError::Build { .. }) && said.contains("REACHED"),
        "{said}"
    );
    let (_, said) = said.split_once("REACHED ").unwrap();
    Some(said.lines().next().unwrap().to_owned())
}

#[test]
fn a_build_script_reaches_nothing_but_its_source_and_the_compiler() {
    if let Some(reached) = reached(true) {
        assert_eq!(reached, "[]");
    }
}

#[test]
fn without_a_sandbox_it_reaches_what_its_user_does_but_no_environment() {
    let reached = reached(false).unwrap();
    for what in [
        "a key in the home",
        "a TCP socket",
        "a socket of this machine",
        "other processes",
    ] {
        assert!(reached.contains(what), "{reached}");
    }
    assert!(!reached.contains("the environment"), "{reached}");
}

#[test]
fn what_a_build_script_leaves_running_ends_with_the_build() {
    let elsewhere = tempfile::tempdir().unwrap();
    let mark = format!("{}", std::process::id());
    // Out of the process group, and with none of cargo's pipes, for whose end cargo would wait.
    let script = format!(
        "use std::process::{{Command, Stdio}};
         fn main() {{
             let mut sleep = Command::new(\"/usr/bin/setsid\");
             sleep.args([\"/bin/sleep\", \"98{mark}\"]);
             sleep.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
             panic!(\"left it\");
         }}"
    );
    let author = Author::new(&[("build.rs", &script)]);
    let work = elsewhere.path().join("work");
    let error = rebuild(&describe(&author.guest()).unwrap(), &work, &options(true)).unwrap_err();
    if !skip_without_sandbox(&error) {
        assert!(error.to_string().contains("left it"), "{error}");
        let running = Command::new("pgrep").args(["-f", &format!("98{mark}")]).output();
        if let Ok(running) = running {
            assert_eq!(String::from_utf8_lossy(&running.stdout), "");
        }
    }
}

/// A program in the sandbox that may read the system, and write to nothing.
fn sandboxed(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netsonde-registry"));
    command.args(["sandbox", "--", program]).args(arguments);
    command
}

#[test]
fn pairs_of_sockets_that_reach_others_and_keyrings_are_closed() {
    // Python's own functions for sockets, and the system calls for keys by their numbers.
    let script = format!(
        "import ctypes, errno, socket\n\
         for kind in ('STREAM', 'SEQPACKET', 'DGRAM', 'RAW'):\n\
         \x20try: socket.socketpair(socket.AF_UNIX, getattr(socket, 'SOCK_' + kind)); print(kind)\n\
         \x20except PermissionError: pass\n\
         libc = ctypes.CDLL(None, use_errno=True)\n\
         for call in {:?}:\n\
         \x20if libc.syscall(call, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() != errno.EACCES: print(call)\n",
        [libc::SYS_keyctl, libc::SYS_add_key, libc::SYS_request_key]
    );
    let output = sandboxed("/usr/bin/python3", &["-c", &script]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    if !skip(output.status.code(), &said) {
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "STREAM\nSEQPACKET\n",
            "{said}"
        );
    }
}

#[test]
fn what_the_caller_has_open_stays_with_it() {
    // A shell opens a file for whatever it starts.
    let this = env!("CARGO_BIN_EXE_netsonde-registry");
    let script = format!("exec 7</etc/hostname; {this} sandbox -- /bin/sh -c 'cat <&7'");
    let output = Command::new("/bin/sh").args(["-c", &script]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    if !skip(output.status.code(), &said) {
        assert!(!output.status.success() && output.stdout.is_empty(), "{said}");
        assert!(said.contains('7'), "{said}");
    }
}

#[test]
fn the_program_ends_when_its_caller_is_killed() {
    let mark = format!("97{}", std::process::id());
    let this = env!("CARGO_BIN_EXE_netsonde-registry");
    // The shell is the caller, and waits.
    let script = format!("{this} sandbox -- /bin/sh -c 'echo started; sleep {mark}; exit'; echo $?");
    let mut caller = Command::new("/bin/sh")
        .args(["-c", &script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(caller.stdout.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    caller.kill().unwrap();
    caller.wait().unwrap();
    if !skip(line.trim().parse().ok(), "") {
        assert_eq!(line, "started\n");
        // All that could write is gone.
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
    }
}

#[test]
fn what_is_not_as_the_release_says_is_not_built() {
    let author = Author::new(&[]);
    let source = describe(&author.guest()).unwrap();
    let refused = |change: &dyn Fn(&mut netsonde_log::leaf::Source)| {
        let mut source = source.clone();
        change(&mut source);
        let work = tempfile::tempdir().unwrap();
        rebuild(&source, work.path(), &options(true)).unwrap_err()
    };
    let error = refused(&|source| source.commit = "0".repeat(40).parse().unwrap());
    assert!(matches!(error, RebuildError::Fetch { .. }), "{error}");
    let error = refused(&|source| source.lock = Digest::of(b"another"));
    assert!(matches!(error, RebuildError::Lock { .. }), "{error}");
    let error = refused(&|source| source.toolchain = "rustc 1.0.0".to_owned());
    assert!(matches!(error, RebuildError::Toolchain { .. }), "{error}");
    let error = refused(&|source| source.repo = "ext::sh -c id".to_owned());
    assert!(matches!(error, RebuildError::Repo(_)), "{error}");
    let error = refused(&|source| source.path = "elsewhere".to_owned());
    assert!(matches!(error, RebuildError::Path { .. }), "{error}");
}

#[test]
fn a_link_in_the_source_leads_nowhere() {
    let author = Author::new(&[]);
    let outside = tempfile::tempdir().unwrap();
    let mut source = describe(&author.guest()).unwrap();
    std::os::unix::fs::symlink(outside.path(), author.folder().join("link")).unwrap();
    author.git(&["add", "-A"]);
    author.git(&["commit", "--quiet", "-m", "link"]);
    source.commit = author.git(&["rev-parse", "HEAD"]).parse().unwrap();
    source.path = "link".to_owned();
    let work = tempfile::tempdir().unwrap();
    let error = rebuild(&source, work.path(), &options(true)).unwrap_err();
    assert!(error.to_string().contains("leads out of the source"), "{error}");
}

#[test]
fn only_what_others_can_get_is_a_source() {
    let author = Author::new(&[]);
    fs::write(author.guest().join("src/lib.rs"), "// changed").unwrap();
    let error = describe(&author.guest()).unwrap_err();
    assert!(matches!(error, DescribeError::Changed { .. }), "{error}");
    author.git(&["checkout", "--quiet", "."]);
    author.git(&["remote", "add", "origin", "https://example.org/guests.git"]);
    let source = describe(&author.guest()).unwrap();
    assert_eq!(
        (source.repo.as_str(), source.path.as_str()),
        ("https://example.org/guests.git", "guest")
    );
    author.git(&["rm", "--quiet", "--cached", "guest/Cargo.lock"]);
    fs::write(author.folder().join(".gitignore"), "Cargo.lock\n").unwrap();
    author.git(&["add", ".gitignore"]);
    author.git(&["commit", "--quiet", "-m", "no lock"]);
    let error = describe(&author.guest()).unwrap_err();
    assert!(matches!(error, DescribeError::NoLock(_)), "{error}");
}

#[test]
fn the_same_source_gives_the_same_bytes_to_its_author_and_to_who_builds_it_again() {
    let author = Author::of_the_example();
    let source = describe(&author.guest()).unwrap();
    assert_eq!(source.path, "examples/guests/rust");
    let home = tempfile::tempdir().unwrap();
    let own = home.path().join("own.wasm");
    let built = Command::new(guest_tool())
        .arg("build")
        .arg(author.guest())
        .arg("-o")
        .arg(&own)
        .arg("--target-dir")
        .arg(home.path().join("target"))
        .output()
        .unwrap();
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    // Another folder, another home, other dependencies on the disk, and a wall around it.
    let work = tempfile::tempdir().unwrap();
    match rebuild(&source, &work.path().join("a/longer/way/there"), &options(true)) {
        Ok(again) => assert_eq!(Digest::of(&again), Digest::of(&read(&own))),
        Err(error) => assert!(skip_without_sandbox(&error), "{error}"),
    }
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}
