//! Programs in the lab, programs of others as clients, and machines that allow no lab.

use crate::client::example;
use netsonde_lab::test::in_lab;
use netsonde_lab::{Lab, command_in_namespaces, run_to_end};
use nix::sys::signal::{Signal, kill};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// What a re-run of this binary is to do, where a test needs more than one process.
pub(crate) const ROLE: &str = "NETSONDE_LAB_TEST_ROLE";
/// Nobody, on every Linux.
const NOBODY: u32 = 65534;

/// The standard output of a program that must succeed.
fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Whether a program is there; says so loudly when it is not.
fn installed(program: &str, test: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED {test}: no {program} here: type `sudo apt-get install {program}`"
        );
    }
    found
}

#[test]
fn a_program_sees_the_labs_resolver_and_authority_and_keeps_its_folder() {
    in_lab(
        "processes::a_program_sees_the_labs_resolver_and_authority_and_keeps_its_folder",
        || {
            let outside = std::fs::read_to_string("/etc/resolv.conf").unwrap();
            let lab = Lab::start(&example("clean")).unwrap();
            let inside = said(lab.command("cat").arg("/etc/resolv.conf"));
            assert!(inside.starts_with("nameserver 130.192.3.21\n"), "{inside}");
            assert!(said(lab.command("cat").arg("/etc/nsswitch.conf")).contains("hosts: files dns\n"));
            assert_eq!(
                lab.client(|| std::fs::read_to_string("/etc/resolv.conf"))
                    .unwrap(),
                inside
            );
            assert_eq!(std::fs::read_to_string("/etc/resolv.conf").unwrap(), outside);
            for variable in [
                "SSL_CERT_FILE",
                "CURL_CA_BUNDLE",
                "REQUESTS_CA_BUNDLE",
                "NODE_EXTRA_CA_CERTS",
                "GIT_SSL_CAINFO",
                "NETSONDE_CA_FILE",
                "NETSONDE_LAB_CA",
            ] {
                assert_eq!(
                    said(lab.command("sh").args(["-c", &format!("cat \"${variable}\"")])),
                    lab.ca_pem()
                );
            }
            let folder = std::env::temp_dir().canonicalize().unwrap();
            assert_eq!(
                said(lab.command("pwd").current_dir(&folder)).trim_end(),
                folder.to_str().unwrap()
            );
            // Programs that have become another user read it, too; and outside there is nothing to be left behind.
            let ca_file = lab.ca_file();
            assert_eq!(said(lab.command("stat").args(["-c", "%a"]).arg(ca_file)), "644\n");
            assert!(!ca_file.exists(), "{} is seen outside", ca_file.display());
        },
    );
}

#[test]
fn a_program_ends_with_the_thread_that_started_it() {
    in_lab(
        "processes::a_program_ends_with_the_thread_that_started_it",
        || {
            let lab = Lab::start(&example("clean")).unwrap();
            let start = || lab.command("sleep").arg("100").spawn().unwrap();
            let mut child = std::thread::scope(|scope| scope.spawn(start).join().unwrap());
            assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
        },
    );
}

/// Shorter than what the tests below leave running, longer than what it takes to end it.
const SOON: Duration = Duration::from_secs(40);

#[test]
fn what_a_program_leaves_running_ends_with_it() {
    if let Err(why) = netsonde_lab::available() {
        let _ = writeln!(std::io::stderr(), "SKIPPED what_a_program_leaves_running: {why}");
        return;
    }
    let start = Instant::now();
    let mut command = Command::new("sh");
    command.args(["-c", "sleep 100 & echo $$; exit 7"]);
    // Waits for all that hold the program's standard output.
    let output = command_in_namespaces(&mut command).output().unwrap();
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert_eq!(output.stdout, b"1\n");
}

#[test]
fn a_request_to_end_reaches_the_program_and_nothing_survives_it() {
    let test = "processes::a_request_to_end_reaches_the_program_and_nothing_survives_it";
    let folder = open_folder();
    match role().as_deref() {
        None => {
            if let Err(why) = netsonde_lab::available() {
                let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
                return;
            }
            for (request, expected) in [(Signal::SIGTERM, "asked\nkilled\n"), (Signal::SIGKILL, "")] {
                let mut outside = rerun(folder.path(), test, "outside")
                    .stdout(Stdio::piped())
                    .spawn()
                    .unwrap();
                let mut lines = BufReader::new(outside.stdout.take().unwrap());
                let mut line = String::new();
                while !line.ends_with("ready\n") {
                    line.clear();
                    assert_ne!(lines.read_line(&mut line).unwrap(), 0, "never ready");
                }
                let start = Instant::now();
                kill(
                    nix::unistd::Pid::from_raw(outside.id().try_into().unwrap()),
                    request,
                )
                .unwrap();
                // Ends when all that hold the standard output have.
                let mut rest = String::new();
                lines.read_to_string(&mut rest).unwrap();
                assert!(start.elapsed() < SOON, "{request}: {:?}", start.elapsed());
                assert!(rest.starts_with(expected), "{request}: {rest}");
                assert_eq!(outside.wait().unwrap().success(), !expected.is_empty(), "{rest}");
            }
        }
        Some("outside") => {
            let mut inside = rerun(folder.path(), test, "inside");
            let status = run_to_end(command_in_namespaces(&mut inside), SOON).unwrap();
            assert!(status.success(), "{status}");
        }
        _ => {
            let stubborn = "trap 'echo asked' TERM; sleep 100 & echo ready; while :; do wait; done";
            let mut command = Command::new("sh");
            command.args(["-c", stubborn]);
            let status = run_to_end(&mut command, Duration::from_secs(1)).unwrap();
            assert_eq!(status.signal(), Some(libc::SIGKILL));
            println!("killed");
        }
    }
}

#[test]
fn curl_reaches_what_is_free_and_is_reset_where_it_is_not() {
    let test = "processes::curl_reaches_what_is_free_and_is_reset_where_it_is_not";
    if !installed("curl", test) {
        return;
    }
    in_lab(test, || {
        let curl = |lab: &Lab, url: &str| {
            let version = "\n%{http_version}";
            lab.command("curl")
                .args(["-sS", "--max-time", "5", "-w", version, url])
                .output()
                .unwrap()
        };
        let page = |output: Output| {
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            String::from_utf8(output.stdout).unwrap()
        };
        let clean = Lab::start(&example("clean")).unwrap();
        let telegram = page(curl(&clean, "https://web.telegram.org/"));
        assert!(
            telegram.contains("<title>Telegram Web</title>") && telegram.ends_with("\n2"),
            "{telegram}"
        );

        let censored = Lab::start(&example("sni-rst")).unwrap();
        let output = curl(&censored, "https://web.telegram.org/");
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        // curl's CURLE_SSL_CONNECT_ERROR.
        assert_eq!(output.status.code(), Some(35), "{complaint}");
        assert!(complaint.contains("reset by peer"), "{complaint}");
        assert_eq!(censored.rule_hits()[0].1, 1);
        assert!(page(curl(&censored, "https://example.org/")).contains("<title>example.org</title>"));
        assert_eq!(censored.rule_hits()[0].1, 1);
    });
}

#[test]
fn the_c_librarys_own_program_sees_the_injected_answer() {
    in_lab(
        "processes::the_c_librarys_own_program_sees_the_injected_answer",
        || {
            let lab = Lab::start(&example("dns-bogon")).unwrap();
            assert!(
                said(lab.command("getent").args(["ahostsv4", "example.com"])).starts_with("10.10.34.35 ")
            );
            assert_eq!(lab.rule_hits()[0].1, 1);
            assert!(
                said(lab.command("getent").args(["ahostsv4", "example.org"])).starts_with("23.215.0.132 ")
            );
            assert_eq!(lab.rule_hits()[0].1, 1);
        },
    );
}

/// This binary again, for one test and with a role, as nobody where that is possible; from a place that everybody
/// may read.
fn rerun(folder: &std::path::Path, test: &str, role: &str) -> Command {
    let copy = folder.join("lab-tests");
    if !copy.exists() {
        // By another process: what is open for writing here may be open in a child of another thread a little longer, and then
        // nobody may run it.
        let mut cp = Command::new("cp");
        let copied = cp.arg(std::env::current_exe().unwrap()).arg(&copy).status();
        assert!(copied.unwrap().success());
    }
    let mut command = Command::new(copy);
    command
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .current_dir("/");
    command
}

pub(crate) fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

fn text(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// A folder that everybody may read.
fn open_folder() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn as_nobody(command: &mut Command) -> &mut Command {
    if nix::unistd::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY)
    } else {
        command
    }
}

#[test]
fn no_privilege_is_needed_where_the_kernel_allows_it() {
    let test = "processes::no_privilege_is_needed_where_the_kernel_allows_it";
    if role().is_none() {
        let folder = open_folder();
        let output = as_nobody(&mut rerun(folder.path(), test, "nobody"))
            .output()
            .unwrap();
        let (out, err) = text(&output);
        assert!(output.status.success(), "{out}{err}");
        if let Some(skipped) = err.lines().find(|line| line.starts_with("SKIPPED")) {
            let _ = writeln!(std::io::stderr(), "{skipped}");
            return;
        }
        assert!(out.contains("a user namespace of its own"), "{out}{err}");
        return;
    }
    in_lab(test, || {
        let lab = Lab::start(&netsonde_lab::Scenario {
            hosts: vec![netsonde_lab::scenario::Host {
                name: "site.test".into(),
                addresses: vec!["192.0.2.1".parse().unwrap()],
                http: vec![80],
                ..Default::default()
            }],
            ..Default::default()
        })
        .unwrap();
        let page = lab
            .client(|| crate::client::http("192.0.2.1:80", "site.test"))
            .unwrap();
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
        // One line, for one user: this is no initial user namespace.
        let map = std::fs::read_to_string("/proc/self/uid_map").unwrap();
        let numbers: Vec<&str> = map.split_whitespace().collect();
        assert!(
            matches!(numbers[..], ["0", outside, "1"] if outside != "0"),
            "{map}"
        );
        println!("a user namespace of its own");
    });
}

#[test]
fn where_the_kernel_forbids_it_a_test_is_skipped_loudly_or_fails_when_required() {
    let test = "processes::where_the_kernel_forbids_it_a_test_is_skipped_loudly_or_fails_when_required";
    match role().as_deref() {
        None => {
            let folder = open_folder();
            let output = as_nobody(&mut rerun(folder.path(), test, "nobody"))
                .output()
                .unwrap();
            let (out, err) = text(&output);
            assert!(output.status.success(), "{out}{err}");
            if let Some(skipped) = err.lines().find(|line| line.starts_with("SKIPPED")) {
                let _ = writeln!(std::io::stderr(), "{skipped}");
                return;
            }
            assert!(out.contains("forbidden, and named"), "{out}{err}");
        }
        // In a user namespace of its own a process may set that namespace's limits: the machine's stay.
        Some("nobody") => {
            if let Err(why) = netsonde_lab::available() {
                eprintln!("SKIPPED {test}: {why}");
                return;
            }
            let folder = open_folder();
            let output = command_in_namespaces(&mut rerun(folder.path(), test, "forbid"))
                .output()
                .unwrap();
            let (out, err) = text(&output);
            assert!(output.status.success(), "{out}{err}");
            print!("{out}");
        }
        Some("forbid") => {
            std::fs::write("/proc/sys/user/max_net_namespaces", "0").unwrap();
            let folder = open_folder();
            let mut again = rerun(folder.path(), test, "forbidden");
            // Whoever runs the tests may require the lab; the first time, nobody does.
            let (out, err) = text(&again.env_remove("NETSONDE_REQUIRE_LAB").output().unwrap());
            let line = err
                .lines()
                .find(|line| line.starts_with("SKIPPED"))
                .unwrap_or_else(|| panic!("{out}{err}"));
            assert_eq!(
                line,
                format!(
                    "SKIPPED {test}: user.max_net_namespaces is 0, which keeps users from making namespaces: type \
                     `sudo sysctl -w user.max_net_namespaces=10000`, or run as root"
                )
            );
            let required = again.env("NETSONDE_REQUIRE_LAB", "1").output().unwrap();
            let (out, err) = text(&required);
            assert!(
                !required.status.success() && err.contains("there is no lab"),
                "{out}{err}"
            );
            println!("forbidden, and named");
        }
        _ => in_lab(test, || panic!("a lab where namespaces are forbidden")),
    }
}

#[test]
fn a_name_that_no_test_has_is_noticed() {
    if netsonde_lab::available().is_err() {
        // The other tests of this file say so.
        return;
    }
    let outcome = std::panic::catch_unwind(|| in_lab("processes::no_such_test", || ()));
    let complaint = outcome.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(
        *complaint,
        "no test of this binary is called processes::no_such_test"
    );
}
