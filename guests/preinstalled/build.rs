//! Builds the preinstalled guests and writes the list that `src/lib.rs` includes.

use std::process::ExitCode;

use netsonde_guest_build::{BuildError, Request, build, embed, report};

include!("guests.rs");

fn main() -> ExitCode {
    report(run())
}

fn run() -> Result<(), BuildError> {
    let request = Request::of_build_script(FOLDERS)?.or_prebuilt();
    request.print_dependencies();
    embed("guests.in", &build(&request)?)
}
