//! The second start compiles nothing, and nobody can slip code in.

use std::fs;
use std::path::{Path, PathBuf};

use netsonde_sandbox::{Engine, EngineConfig};
use netsonde_test_guests::hostile_mini;

/// Load a guest with a fresh engine; how many were compiled, and how many taken from the cache.
fn load(dir: &Path) -> (u64, u64) {
    let engine = Engine::new(EngineConfig {
        cache_dir: Some(dir.to_owned()),
    })
    .unwrap();
    engine.load("hostile-mini", hostile_mini()).unwrap();
    (engine.stats().compiled, engine.stats().loaded_from_cache)
}

fn compiled_files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "compiled"))
        .collect()
}

#[test]
fn the_second_start_compiles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("above").join("cache");
    assert_eq!(load(&cache), (1, 0));
    assert_eq!(load(&cache), (0, 1));
    assert_eq!(compiled_files(&cache).len(), 1);
}

#[test]
fn a_file_that_was_tampered_with_is_noticed_and_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache");
    load(&cache);
    let file = compiled_files(&cache).remove(0);
    for damage in [
        |bytes: &mut Vec<u8>| bytes.truncate(10),
        |bytes: &mut Vec<u8>| bytes.clear(),
        |bytes: &mut Vec<u8>| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        },
        |bytes: &mut Vec<u8>| bytes.push(0),
    ] {
        let mut bytes = fs::read(&file).unwrap();
        damage(&mut bytes);
        fs::write(&file, bytes).unwrap();
        assert_eq!(load(&cache), (1, 0), "damaged code is not used");
        assert_eq!(load(&cache), (0, 1), "and is replaced");
    }
}

#[test]
fn processes_can_share_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| load(&cache));
        }
    });
    assert_eq!(load(&cache), (0, 1));
    assert_eq!(compiled_files(&cache).len(), 1);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_directory_and_everything_in_it_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("cache");
        load(&cache);
        assert_eq!(mode(&cache), 0o700);
        assert_eq!(mode(&cache.join("key")), 0o600);
        assert_eq!(mode(&compiled_files(&cache)[0]), 0o600);
    }

    #[test]
    fn a_directory_that_others_can_write_to_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("cache");
        load(&cache);
        for open in [0o777, 0o770, 0o750, 0o701] {
            set_mode(&cache, open);
            assert_eq!(load(&cache), (1, 0), "mode {open:o}");
        }
        set_mode(&cache, 0o700);
        set_mode(&cache.join("key"), 0o644);
        assert_eq!(load(&cache), (1, 0), "a key that others can read is no key");
        set_mode(&cache.join("key"), 0o600);
        assert_eq!(load(&cache), (0, 1));
    }

    #[test]
    fn a_link_or_a_file_in_its_place_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link, file) = (
            dir.path().join("real"),
            dir.path().join("link"),
            dir.path().join("file"),
        );
        load(&real);
        symlink(&real, &link).unwrap();
        fs::write(&file, b"").unwrap();
        assert_eq!(load(&link), (1, 0));
        assert_eq!(load(&file), (1, 0));
        assert_eq!(load(&file.join("below")), (1, 0));
    }

    /// Root may write to a directory without the permission, so there are two more obstacles that stop everybody: a
    /// directory in the file's place, and a name that is too long.
    #[test]
    fn where_nothing_can_be_written_modules_still_load() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("cache");
        load(&cache);
        fs::remove_file(&compiled_files(&cache)[0]).unwrap();
        set_mode(&cache, 0o500);
        let (compiled, from_cache) = load(&cache);
        assert_eq!((compiled, from_cache), (1, 0));
        set_mode(&cache, 0o700);
        load(&cache);
        let file = compiled_files(&cache).remove(0);
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert_eq!(load(&cache), (1, 0));
        assert!(
            fs::read_dir(&cache).unwrap().count() == 2,
            "nothing half-written is left: the key and the obstacle"
        );
        assert_eq!(load(&dir.path().join("x".repeat(300))), (1, 0));
    }
}
