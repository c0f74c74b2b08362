//! For tests of any crate: run this test inside namespaces, or say loudly why it cannot.

use std::io::Write;
use std::process::Command;
use std::sync::OnceLock;

/// Set, to any value, in the child that runs a test's body; its value is the test's name.
const MARKER: &str = "NETSONDE_LAB_TEST";
/// Set to `1` where the lab must be available: tests that cannot run fail then, instead of being skipped.
const REQUIRED: &str = "NETSONDE_REQUIRE_LAB";
/// What the child prints when the body has run to its end: a name that matches no test ends well, too.
const RAN: &str = "netsonde-lab: ran ";
/// Whether there can be a lab, tried once a process.
static AVAILABLE: OnceLock<Result<(), crate::Unavailable>> = OnceLock::new();

/// Runs the body of a test where it can start a [`Lab`](crate::Lab): in a child process, in namespaces.
///
/// `test` is the test's full name within its binary, as `cargo test -- --list` shows it. The child is this very
/// binary, told to run that one test; there, and only there, the body is run.
///
/// Where the kernel allows no namespaces, the test is skipped with a line on standard error that test harnesses do
/// not capture, or fails if the environment variable `NETSONDE_REQUIRE_LAB` is `1`.
///
/// # Panics
///
/// When the body does, when the child cannot be started, when `test` names no test, and when the lab is required
/// and not available.
#[expect(clippy::panic, reason = "panicking is how a test fails")]
pub fn in_lab(test: &str, body: impl FnOnce()) {
    if std::env::var_os(MARKER).is_some_and(|name| name == test) {
        body();
        println!("{RAN}{test}");
        return;
    }
    if let Err(why) = AVAILABLE.get_or_init(crate::available) {
        let required = std::env::var_os(REQUIRED).is_some_and(|value| value == "1");
        assert!(!required, "{REQUIRED}=1 and there is no lab: {why}");
        // Not eprintln!, which the harness would keep to itself.
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
        return;
    }
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => panic!("find the binary of test {test}: {error}"),
    };
    let mut command = Command::new(program);
    command
        .args([
            test,
            "--exact",
            "--nocapture",
            "--include-ignored",
            "--test-threads=1",
        ])
        .env(MARKER, test);
    let output = match crate::command_in_namespaces(&mut command).output() {
        Ok(output) => output,
        Err(error) => panic!("start test {test} in namespaces: {error}"),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    print!("{said}");
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        output.status.success(),
        "test {test} failed in the lab: {}",
        output.status
    );
    assert!(
        said.contains(&format!("{RAN}{test}")),
        "no test of this binary is called {test}"
    );
}
