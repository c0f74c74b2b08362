//! Runs a case: both targets in one script, in one lab.

use crate::support::{Probe, assert_exit, nettest, scenario};
use serde_json::{Value, json};
use std::io::Write as _;

/// What the observations are to say: a JSON pointer into the test keys, and the value there. `name=value` in place of an
/// index means the first entry with that field.
pub(crate) type Says = Vec<(&'static str, Value)>;

/// One way to interfere with one primitive.
#[derive(Clone)]
pub(crate) struct Case {
    /// The primitive, as the table has it.
    pub(crate) primitive: &'static str,
    /// What the censor does, for people.
    pub(crate) interference: &'static str,
    /// The file in `examples/scenarios`, without its extension.
    pub(crate) scenario: &'static str,
    /// Whether the censor of the scenario has to have acted: not where a server is at fault.
    pub(crate) acts: bool,
    /// Lists of steps of the nettest `steps` that are interfered with.
    pub(crate) censored: Value,
    /// What their observations say.
    pub(crate) says: Says,
    /// The same, where nobody interferes.
    pub(crate) twin: Value,
    /// What the observations of the twin say.
    pub(crate) twin_says: Says,
}

impl Case {
    /// Run it, and hold the observations against what they are to say.
    pub(crate) fn check(&self) {
        let Some([censored, twin]) = self.run() else {
            return;
        };
        hold("the twin", &twin["test_keys"], &self.twin_says);
        hold("the censored", &censored["test_keys"], &self.says);
    }

    fn run(&self) -> Option<[Value; 2]> {
        let probe = Probe::new();
        std::fs::write(probe.path("steps.wasm"), netsonde_test_guests::wasm("steps")).unwrap();
        let target = |input: &str, steps: &Value| json!({ "input": input, "options": { "steps": steps } });
        let targets = [target("censored", &self.censored), target("twin", &self.twin)];
        let instruction = nettest(
            "steps",
            &json!({"suite_name": "experimental", "targets": targets}),
        );
        let script = probe.script(&json!([instruction]));
        let output = probe.runx_in_lab(&scenario(self.scenario), &script, &["--module", "steps.wasm"])?;
        assert_exit(&output, 0);
        assert_eq!(probe.hits() > 0, self.acts, "whether the censor acted");
        Some(probe.report().try_into().unwrap())
    }
}

fn hold(whose: &str, test_keys: &Value, says: &Says) {
    for (pointer, expected) in says {
        let found = find(test_keys, pointer);
        assert_eq!(found, Some(expected), "{whose}: {pointer} of {test_keys:#}");
    }
}

fn find<'a>(test_keys: &'a Value, pointer: &str) -> Option<&'a Value> {
    pointer
        .split('/')
        .skip(1)
        .try_fold(test_keys, |at, step| match step.split_once('=') {
            Some((name, value)) => at.as_array()?.iter().find(|entry| entry[name] == value),
            None => at.pointer(&format!("/{step}")),
        })
}

/// Whether this build has `BoringSSL`, in the probe and in the lab; if not, says that the test is skipped.
pub(crate) fn boringssl(test: &str) -> bool {
    let is_there = cfg!(feature = "boringssl");
    if !is_there {
        // Written, not printed: of a test that passes libtest shows nothing that is printed.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED {test}: this build has no BoringSSL; test with `--features boringssl`"
        );
    }
    is_there
}

/// Makes a test of each case, and the list of them all. `needs` names what of this module says whether it can be run.
macro_rules! cases {
    ($($(#[$attribute:meta])* $name:ident $(needs $tool:ident)?: $case:expr;)*) => {
        $(
            #[test]
            $(#[$attribute])*
            fn $name() {
                $(if !$crate::harness::$tool(stringify!($name)) {
                    return;
                })?
                let case: $crate::harness::Case = $case;
                case.check();
            }
        )*

        pub(crate) fn all() -> Vec<$crate::harness::Case> {
            vec![$($case),*]
        }
    };
}
pub(crate) use cases;
