//! The executable memory of this process.

use std::collections::BTreeSet;

use anyhow::Context as _;

/// Each stretch of memory that can be executed: from where to where, and what it is of.
pub(crate) fn executable() -> anyhow::Result<BTreeSet<String>> {
    let maps = std::fs::read_to_string("/proc/self/maps").context("read /proc/self/maps")?;
    Ok(of(&maps))
}

fn of(maps: &str) -> BTreeSet<String> {
    let executable = |line: &&str| {
        let permissions = line.split_whitespace().nth(1);
        permissions.is_some_and(|permissions| permissions.contains('x'))
    };
    maps.lines().filter(executable).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_executed_counts() {
        let maps =
            "55e0-55e1 r--p 0 08:01 1 /bin/a\n55e1-55e2 r-xp 1 08:01 1 /bin/a\n7ff0-7ff1 rw-p 0 00:00 0\n";
        assert_eq!(of(maps), ["55e1-55e2 r-xp 1 08:01 1 /bin/a".to_owned()].into());
    }

    #[test]
    fn memory_that_becomes_executable_is_seen() {
        let before = executable().unwrap();
        assert!(!before.is_empty());
        let page = region::alloc(4096, region::Protection::READ_EXECUTE).unwrap();
        assert_ne!(executable().unwrap(), before);
        drop(page);
    }
}
