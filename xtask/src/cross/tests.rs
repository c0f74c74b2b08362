use super::*;

/// What the tests check for: the machine's own platform, whose standard library is there.
fn here() -> String {
    let output = Command::new("rustc")
        .args(["--print", "host-tuple"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A crate that depends on one whose build script compiles C, and on one whose build script does not.
fn workspace(library: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let package = |name: &str, rest: &str| {
        format!("[package]\nname = '{name}'\nversion = '1.2.3'\nedition = '2024'\n{rest}")
    };
    let with =
        "[dependencies]\nwith-c = { path = 'with-c' }\nwithout-c = { path = 'without-c' }\n[workspace]\n";
    write("Cargo.toml", &package("app", with));
    write("src/lib.rs", library);
    write("with-c/Cargo.toml", &package("with-c", "links = 'thing'\n"));
    write("with-c/src/lib.rs", "");
    write("with-c/c/thing.c", "#error this would not compile\n");
    // As cc does it.
    write(
        "with-c/build.rs",
        r#"
        use std::{env, path::Path, process::Command};
        fn main() {
            let target = env::var("TARGET").unwrap();
            let tool = |name: &str| Command::new(env::var_os(format!("{name}_{target}")).unwrap());
            let out = env::var("OUT_DIR").unwrap();
            let object = Path::new(&out).join("thing.o");
            let library = Path::new(&out).join("libthing.a");
            let asked = tool("CC").arg("-E").arg("family.c").output().unwrap();
            assert_eq!(asked.stdout, b"clang\n");
            assert!(tool("CC").args(["-c", "c/thing.c", "-o"]).arg(&object).status().unwrap().success());
            assert!(tool("AR").arg("cq").arg(&library).arg(&object).status().unwrap().success());
            assert!(object.exists() && library.exists());
            println!("cargo:rustc-link-search=native={out}");
            println!("cargo:rustc-link-lib=static=thing");
        }
        "#,
    );
    write("without-c/Cargo.toml", &package("without-c", ""));
    write("without-c/src/lib.rs", "");
    write("without-c/build.rs", "fn main() {}");
    let mut lock = Command::new("cargo");
    lock.args(["generate-lockfile", "--offline"])
        .current_dir(folder.path());
    assert!(lock.output().unwrap().status.success());
    folder
}

fn check(folder: &Path) -> anyhow::Result<Checked> {
    let target = here();
    Cross {
        root: folder.to_owned(),
        folder: Some(folder.join("target")),
        target: &target,
        package: "app",
        features: &[],
    }
    .check()
}

#[test]
fn whose_c_is_not_compiled_is_said_by_name_also_when_nothing_is_built_again() {
    let folder = workspace("");
    for _ in 0..2 {
        let checked = check(folder.path()).unwrap();
        let expected = Skipped {
            name: "with-c".to_owned(),
            version: "1.2.3".to_owned(),
            links: Some("thing".to_owned()),
            libraries: vec!["thing".to_owned()],
            files: 1,
        };
        assert_eq!(checked.skipped, [expected]);
        let report = checked.to_string();
        assert!(
            report.contains("with-c 1.2.3, links thing: 1 file, for thing"),
            "{report}"
        );
    }
}

#[test]
fn what_does_not_type_check_or_warns_fails() {
    for library in ["pub fn number() -> u8 { \"\" }", "fn unused() {}"] {
        let Err(error) = check(workspace(library).path()) else {
            panic!("{library} passed");
        };
        assert!(error.to_string().contains("app does not type-check"), "{error}");
    }
}
