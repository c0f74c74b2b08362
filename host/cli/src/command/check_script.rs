//! `netsonde check-script`: diagnostics, and nothing else.

use netsonde_script::Severity;
use serde_json::json;

use crate::args::CheckScript;
use crate::command::{catalog, read};
use crate::exit::Exit;
use crate::log;
use crate::view::{Stderr, print, tell};

/// Check a script; errors and warnings go to standard error, with `--json` as JSON to standard output.
pub(crate) fn run(args: &CheckScript, json: bool, verbose: u8) -> anyhow::Result<Exit> {
    log::start(verbose, None, &Stderr::new())?;
    let text = read("script", &args.script)?;
    let name = args.script.display().to_string();
    let parsed = netsonde_script::parse(&name, &text, &catalog(&args.modules)?.vocabulary()?);
    let (diagnostics, exit) = match &parsed {
        Ok(parsed) => (&parsed.warnings, Exit::Done),
        Err(errors) => (errors, Exit::Failed),
    };
    if json {
        for diagnostic in diagnostics {
            let severity = match diagnostic.severity() {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            let object = json!({
                "severity": severity,
                "file": name,
                "line": diagnostic.line(),
                "column": diagnostic.column(),
                "message": diagnostic.message(),
                "hint": diagnostic.hint(),
            });
            print(&object.to_string())?;
        }
    } else {
        let text = diagnostics.render(true);
        if !text.is_empty() {
            tell(&text);
        }
    }
    Ok(exit)
}
