//! The filter: what asks for executable memory, and what starts a program, is the end of the process.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use memmap2::MmapMut;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

/// The bit that asks for executable memory, and that of shared memory.
const PROT_EXEC: u64 = libc::PROT_EXEC.unsigned_abs() as u64;
const SHM_EXEC: u64 = libc::SHM_EXEC.unsigned_abs() as u64;
/// What is added to a system call's number to call it in the way of x32.
#[cfg(target_arch = "x86_64")]
const X32: libc::c_long = 0x4000_0000;

/// What the filter kills for, to be tried in a process of its own.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Offence {
    /// Map memory that can be executed.
    Mmap,
    /// Make memory executable that is there.
    Mprotect,
    /// Start a program.
    Execve,
}

/// From now on, for all threads.
pub(crate) fn close() -> anyhow::Result<()> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).context("seccomp on this processor")?;
    let when = |argument: u8, bit: u64| -> anyhow::Result<Vec<SeccompRule>> {
        let asked = SeccompCmpOp::MaskedEq(bit);
        let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, asked, bit)?;
        Ok(vec![SeccompRule::new(vec![condition])?])
    };
    let mut killed = BTreeMap::from([
        (libc::SYS_mmap, when(2, PROT_EXEC)?),
        (libc::SYS_mprotect, when(2, PROT_EXEC)?),
        (libc::SYS_pkey_mprotect, when(2, PROT_EXEC)?),
        (libc::SYS_shmat, when(2, SHM_EXEC)?),
        // Makes whatever can be read executable.
        (libc::SYS_personality, Vec::new()),
        (libc::SYS_execve, Vec::new()),
        (libc::SYS_execveat, Vec::new()),
    ]);
    #[cfg(target_arch = "x86_64")]
    for (call, rules) in killed.clone() {
        killed.insert(call + X32, rules);
    }
    let filter = SeccompFilter::new(killed, SeccompAction::Allow, SeccompAction::KillProcess, arch)?;
    let program = BpfProgram::try_from(filter)?;
    seccompiler::apply_filter_all_threads(&program).context("close the filter")
}

/// Do what the filter kills for. Whoever comes back was not killed.
pub(crate) fn offend(offence: Offence) -> anyhow::Result<()> {
    close()?;
    match offence {
        Offence::Mmap => drop(region::alloc(4096, region::Protection::READ_EXECUTE)?),
        Offence::Mprotect => drop(MmapMut::map_anon(4096)?.make_exec()?),
        // One that is there would be killed for the executable memory that it maps itself.
        Offence::Execve => return Err(Command::new("/nowhere/program").exec()).context("start a program"),
    }
    bail!("{offence:?} was let pass")
}
