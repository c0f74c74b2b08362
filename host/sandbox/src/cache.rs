//! Compiled modules, kept on disk so that the second start compiles nothing.
//!
//! Compiled code is as powerful as the host itself, so a file counts only if this user wrote it: the directory is
//! private, and each file carries an HMAC-SHA256, under a key that never leaves the directory, over everything that
//! the code depends on and the code itself. Whatever is wrong with the cache, the answer is to compile again.

mod entry;
mod private;

use std::fs::{self, File};
use std::hash::{Hash as _, Hasher};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

use crate::digest::Digest;

/// How long an entry of this engine may go unused.
const UNUSED: Duration = Duration::from_hours(90 * 24);
/// How long an entry of another engine (another wasmtime, other settings) may go unused. Not zero, because two
/// builds of netsonde may share the directory.
const FOREIGN_UNUSED: Duration = Duration::from_hours(7 * 24);
/// How long a half-written file may lie about.
const LEFTOVER: Duration = Duration::from_hours(24);
/// How exact "last used" is.
const TOUCH: Duration = Duration::from_hours(24);

const SUFFIX: &str = ".compiled";
const TEMPORARY: &str = ".new-";

/// A private directory of compiled modules.
pub(crate) struct Cache {
    dir: PathBuf,
    key: private::Key,
    /// What identifies engine, settings and target.
    fingerprint: String,
}

impl Cache {
    /// Open the cache in `dir`, or explain in the log why there is none.
    pub(crate) fn open(dir: &Path, engine: &wasmtime::Engine) -> Option<Self> {
        let opened = private::directory(dir).and_then(|()| private::Key::load_or_create(dir));
        match opened {
            Ok(key) => {
                let cache = Self {
                    dir: dir.to_owned(),
                    key,
                    fingerprint: fingerprint(engine),
                };
                cache.prune(SystemTime::now());
                Some(cache)
            }
            Err(why) => {
                tracing::warn!(dir = %dir.display(), %why, "no cache of compiled modules; every start compiles again");
                None
            }
        }
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.dir.join(format!("{}-{digest}{SUFFIX}", self.fingerprint))
    }

    /// The compiled code of a module, if there is some and it is ours.
    pub(crate) fn load(&self, digest: &Digest) -> Option<Vec<u8>> {
        let path = self.path(digest);
        let sealed = match fs::read(&path) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "could not read a compiled module; compiling it again");
                return None;
            }
        };
        let Some(artefact) = entry::open(&self.key, &self.fingerprint, digest, sealed) else {
            tracing::warn!(path = %path.display(), "a compiled module is damaged or was tampered with; compiling it again");
            return None;
        };
        touch(&path);
        Some(artefact)
    }

    /// Keep the compiled code of a module. Without success, the next start compiles again.
    pub(crate) fn store(&self, digest: &Digest, artefact: &[u8]) {
        let path = self.path(digest);
        let sealed = entry::seal(&self.key, &self.fingerprint, digest, artefact);
        let written = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempfile_in(&self.dir)
            .and_then(|mut file| {
                file.write_all(&sealed)?;
                file.persist(&path).map_err(|error| error.error)
            });
        if let Err(error) = written {
            tracing::warn!(path = %path.display(), %error, "could not keep a compiled module; the next start compiles it again");
        }
    }

    /// Forget an entry that the engine refused.
    pub(crate) fn forget(&self, digest: &Digest) {
        // Where even this fails, the entry is replaced by the next `store`, or refused again.
        _ = fs::remove_file(self.path(digest));
    }

    /// Remove what has not been used for long.
    fn prune(&self, now: SystemTime) {
        let Ok(entries) = fs::read_dir(&self.dir) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let allowed = if name.starts_with(TEMPORARY) {
                LEFTOVER
            } else if !name.ends_with(SUFFIX) {
                continue;
            } else if name.starts_with(&self.fingerprint) {
                UNUSED
            } else {
                FOREIGN_UNUSED
            };
            let unused = entry
                .metadata()
                .and_then(|meta| meta.modified())
                .map(|time| age(now, time));
            if unused.is_ok_and(|unused| unused > allowed) {
                // Another process may have been faster.
                _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Note that an entry is in use; a cache that can not be written to simply does not.
fn touch(path: &Path) {
    let now = SystemTime::now();
    let old = fs::metadata(path)
        .and_then(|meta| meta.modified())
        .is_ok_and(|time| age(now, time) > TOUCH);
    if old {
        _ = File::options()
            .append(true)
            .open(path)
            .and_then(|file| file.set_modified(now));
    }
}

fn age(now: SystemTime, time: SystemTime) -> Duration {
    now.duration_since(time).unwrap_or_default()
}

/// Everything that compiled code depends on besides the module: wasmtime's version, its settings, the target.
fn fingerprint(engine: &wasmtime::Engine) -> String {
    struct Sha(Sha256);
    impl Hasher for Sha {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut sha = Sha(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut sha);
    std::env::consts::ARCH.hash(&mut sha);
    std::env::consts::OS.hash(&mut sha);
    let mut text = hex::encode(sha.0.finalize());
    text.truncate(24);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine() -> wasmtime::Engine {
        wasmtime::Engine::default()
    }

    fn age_file(path: &Path, age: Duration) {
        let file = File::options().append(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    #[test]
    fn what_was_stored_is_loaded_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(&dir.path().join("cache"), &engine()).unwrap();
        let (one, two) = (Digest::of(b"one"), Digest::of(b"two"));
        assert_eq!(cache.load(&one), None);
        cache.store(&one, b"code");
        assert_eq!(cache.load(&one).as_deref(), Some(&b"code"[..]));
        assert_eq!(cache.load(&two), None);
        // An entry moved to another module's place is not that module's.
        fs::rename(cache.path(&one), cache.path(&two)).unwrap();
        assert_eq!(cache.load(&two), None);
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(&dir.path().join("cache"), &engine()).unwrap();
        let digest = Digest::of(b"one");
        cache.store(&digest, b"code");
        let good = fs::read(cache.path(&digest)).unwrap();
        for place in 0..good.len() {
            let mut bad = good.clone();
            bad[place] ^= 1;
            fs::write(cache.path(&digest), bad).unwrap();
            assert_eq!(cache.load(&digest), None, "byte {place}");
        }
        for length in 0..good.len() {
            fs::write(cache.path(&digest), &good[..length]).unwrap();
            assert_eq!(cache.load(&digest), None, "length {length}");
        }
    }

    #[test]
    fn another_key_makes_every_entry_worthless() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cache");
        let digest = Digest::of(b"one");
        Cache::open(&path, &engine()).unwrap().store(&digest, b"code");
        fs::remove_file(path.join("key")).unwrap();
        assert_eq!(Cache::open(&path, &engine()).unwrap().load(&digest), None);
        // A key of the wrong length is replaced.
        fs::write(path.join("key"), b"short").unwrap();
        let cache = Cache::open(&path, &engine()).unwrap();
        cache.store(&digest, b"code");
        assert!(Cache::open(&path, &engine()).unwrap().load(&digest).is_some());
    }

    #[test]
    fn old_entries_go_and_used_ones_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cache");
        let cache = Cache::open(&path, &engine()).unwrap();
        let (old, used) = (Digest::of(b"old"), Digest::of(b"used"));
        for digest in [&old, &used] {
            cache.store(digest, b"code");
        }
        age_file(&cache.path(&old), UNUSED + TOUCH);
        age_file(&cache.path(&used), UNUSED.saturating_sub(TOUCH));
        assert!(cache.load(&used).is_some(), "using it makes it young again");
        let foreign = path.join(format!("0123-{old}{SUFFIX}"));
        let leftover = path.join(format!("{TEMPORARY}x"));
        for file in [&foreign, &leftover] {
            fs::write(file, b"").unwrap();
        }
        age_file(&foreign, FOREIGN_UNUSED + TOUCH);
        age_file(&leftover, LEFTOVER + TOUCH);
        let cache = Cache::open(&path, &engine()).unwrap();
        assert!(!foreign.exists() && !leftover.exists() && !cache.path(&old).exists());
        assert!(cache.path(&used).exists() && path.join("key").exists());
    }
}
