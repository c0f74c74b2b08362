//! `netsonde check`: what a registry has to know of a module before anybody proposes it.
//!
//! The module may be hostile, so this process limits itself before it reads it (`limits`), the compiler runs in a process of
//! its own (`load`), and the guest in the lab (`suite`). `facts` is what the module says about itself, `report` what becomes
//! of all this, for programs and for people. Each step is taken only if those before it found nothing.

mod facts;
mod limits;
mod load;
mod process;
mod report;
mod suite;

use netsonde_probe::sandbox::Digest;

use crate::args::Check;
use crate::command::read;
use crate::exit::Exit;
use crate::log;
use crate::view::Stderr;
use report::Report;

/// Check a module. The report goes to standard output; it is not passed where the exit code is 1.
pub(crate) fn run(args: &Check, json: bool, verbose: u8) -> anyhow::Result<Exit> {
    log::start(verbose, None, &Stderr::new())?;
    limits::apply()?;
    let wasm = read("module", &args.module)?;
    if load::is_asked() {
        return load::run(&args.module, &wasm);
    }
    let mut report = Report::of(&Digest::of(&wasm), wasm.len());
    let about = facts::look(&args.module, &wasm, &mut report);
    let kept = tempfile::tempdir()?;
    if report.passed() {
        load::in_child(&args.module, kept.path(), &mut report)?;
    }
    match about.filter(|_| report.passed()) {
        Some(about) => suite::run(args, &about, kept.path(), &mut report)?,
        None => report.skip_suite("what was found before keeps it from being run"),
    }
    report.show(json)?;
    Ok(if report.passed() { Exit::Done } else { Exit::Failed })
}
