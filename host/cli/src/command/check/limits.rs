//! What this process, and each that it starts, may use. A limit that was lowered can not be raised again.

/// Seconds of computing of one process. A module may be granted two minutes, and is compiled before.
#[cfg(unix)]
const CPU_S: u64 = 300;
/// Bytes of one file: of a recording, most of all.
#[cfg(unix)]
const FILE: u64 = 256 << 20;
/// Open files of one process.
#[cfg(unix)]
const FILES: u64 = 4096;
/// Bytes of memory that one process writes to.
#[cfg(unix)]
const MEMORY: u64 = 4 << 30;

/// Lower the limits of this process.
#[cfg(unix)]
pub(super) fn apply() -> anyhow::Result<()> {
    use anyhow::Context as _;
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    for (resource, most) in [
        (Resource::Cpu, CPU_S),
        (Resource::Fsize, FILE),
        (Resource::Nofile, FILES),
        (Resource::Core, 0),
        (Resource::Data, MEMORY),
    ] {
        let before = getrlimit(resource);
        let lower = |limit: Option<u64>| Some(limit.unwrap_or(u64::MAX).min(most));
        let limit = Rlimit {
            current: lower(before.current),
            maximum: lower(before.maximum),
        };
        setrlimit(resource, limit).with_context(|| format!("lower the limit {resource:?} to {most}"))?;
    }
    Ok(())
}

/// Other systems have no such limits.
#[cfg(not(unix))]
pub(super) fn apply() -> anyhow::Result<()> {
    Ok(())
}
