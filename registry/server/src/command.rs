//! What an operator, and the people who have roles, type.

pub(crate) mod key;
pub(crate) mod module;
pub(crate) mod monitor;
pub(crate) mod proposal;
pub(crate) mod rebuild;
pub(crate) mod root;
pub(crate) mod script;
pub(crate) mod serve;
pub(crate) mod snapshot;
pub(crate) mod status;
pub(crate) mod witness;

use anyhow::Context as _;
use netsonde_log::role::SecretRoleKey;
use netsonde_registry::people;
use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// Seconds since 1970.
fn now() -> anyhow::Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Ok(since
        .context("read the clock: it says that 1970 is yet to come")?
        .as_secs())
}

/// 32 bytes that nobody can guess.
fn seed() -> anyhow::Result<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).context("get random bytes from the system")?;
    Ok(seed)
}

/// Write a file where none is, whole or not at all.
fn write_new(path: &Path, text: &str, is_secret: bool) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let write = || -> anyhow::Result<()> {
        // Nobody but its owner may read it until it is told otherwise.
        let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        file.write_all(text.as_bytes())?;
        if !is_secret {
            make_readable(file.as_file())?;
        }
        file.as_file().sync_all()?;
        file.persist_noclobber(path)?;
        Ok(())
    };
    write().with_context(|| format!("write {}", path.display()))
}

#[cfg(unix)]
fn make_readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_file: &File) -> io::Result<()> {
    Ok(())
}

/// Write a file in place of the one before it, whole or not at all.
fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let write = || -> anyhow::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        file.write_all(bytes)?;
        file.as_file()
            .set_permissions(fs::metadata(path)?.permissions())?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("write {}", path.display()))
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
}

fn say(text: &str) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{}", escaped(text)).context("write to standard output")
}

/// A text of somebody else's in one line, with nothing in it that a terminal would obey.
fn plain(text: &str) -> String {
    escaped(text).replace('\n', "\\n")
}

/// A text with nothing in it that a terminal would obey, but for its lines.
pub(crate) fn escaped(text: &str) -> String {
    // Besides controls, what turns the direction of writing around.
    let is_obeyed = |letter: char| {
        letter.is_control() && letter != '\n'
            || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_obeyed(letter) {
            escaped.extend(letter.escape_default());
        } else {
            escaped.push(letter);
        }
    }
    escaped
}

/// Read somebody's secret key.
fn secret(file: &Path) -> anyhow::Result<SecretRoleKey> {
    people::secret(&read(file)?).with_context(|| format!("read {}", file.display()))
}
