//! `netsonde-registry key`.

use super::{seed, write_new};
use crate::args::KeyNew;
use anyhow::Context as _;
use netsonde_registry::people;
use std::{
    ffi::OsString,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Make keys, each as two files.
pub(crate) fn new(args: &KeyNew) -> anyhow::Result<()> {
    for name in &args.names {
        let (secret, public) = people::to_pem(&seed()?)?;
        let key = people::public(&public)?;
        // The secret first: whoever has a public key that nobody holds would wait for its signatures.
        write_new(&with_ending(name, "key"), &secret, true)?;
        let file = with_ending(name, "pub");
        write_new(&file, &public, false)?;
        writeln!(io::stdout(), "{} {}", key.id(), file.display()).context("write to standard output")?;
    }
    Ok(())
}

fn with_ending(name: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(name);
    name.push(".");
    name.push(ending);
    name.into()
}
