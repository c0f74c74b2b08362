//! The table of all cases in `docs/interference.md`.

use crate::support::root;
use serde_json::Value;

const BEGIN: &str = "<!-- begin: written by `NETSONDE_WRITE_DOCS=1 cargo test --package netsonde --test interference table` -->\n";
const END: &str = "<!-- end -->\n";

/// The table as Markdown.
fn table() -> String {
    let mut text = String::from(
        "\n| primitive | interference | observations under it | observations of the twin | scenario |\n|---|---|---|---|---|\n",
    );
    for case in crate::all() {
        let row = [
            case.primitive.to_owned(),
            case.interference.to_owned(),
            said(&case.says),
            said(&case.twin_says),
            format!("[{0}](../examples/scenarios/{0}.toml)", case.scenario),
        ];
        text.extend(["| ", &row.join(" | "), " |\n"]);
    }
    text.push('\n');
    text
}

fn said(says: &[(&str, Value)]) -> String {
    let said = says.iter().map(|(pointer, value)| {
        let path = pointer.trim_start_matches('/').replace('/', ".");
        format!("`{path}`: `{}`", value.to_string().replace('|', "\\|"))
    });
    said.collect::<Vec<_>>().join("<br>")
}

#[test]
fn the_table_in_the_docs_is_what_the_tests_hold() {
    let path = root().join("docs/interference.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once(BEGIN).expect("the table has a beginning");
    let (_, tail) = rest.split_once(END).expect("the table has an end");
    let wanted = format!("{head}{BEGIN}{}{END}{tail}", table());
    if std::env::var_os("NETSONDE_WRITE_DOCS").is_some() {
        std::fs::write(&path, wanted).unwrap();
        return;
    }
    assert!(
        text == wanted,
        "docs/interference.md is not what the cases say: run NETSONDE_WRITE_DOCS=1 cargo test --package netsonde --test interference table"
    );
}
