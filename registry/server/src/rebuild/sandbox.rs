//! Closed doors: a program that can read and write what it is given, and reach nobody.
//!
//! This process closes them for itself and for all that it starts, for good, and then starts the program: namespaces without a
//! network and without other processes; Landlock for files; and no sockets (seccomp), because a socket of this
//! machine is a file, too, and behind it may be somebody who has keys. Nor does the program get what its caller has open, or
//! the keyrings of the kernel. It ends when the caller does.

use std::{ffi::OsString, path::PathBuf};

/// How it ends where the system has no such doors.
pub const NONE: u8 = 125;

/// What a program may have, and the program.
#[derive(Clone, Debug, clap::Args)]
pub struct Sandbox {
    /// A file or folder that it may read, besides compilers and libraries of the system
    #[arg(long, value_name = "PATH")]
    pub read: Vec<PathBuf>,

    /// A folder that it may read and write
    #[arg(long, value_name = "DIR")]
    pub write: Vec<PathBuf>,

    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

#[cfg(not(target_os = "linux"))]
pub use elsewhere::run;
#[cfg(target_os = "linux")]
pub use linux::run;

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use super::Sandbox;

    /// Only Linux has doors that can be closed from inside.
    pub fn run(_: &Sandbox) -> Result<u8, String> {
        Err("it needs Linux".to_owned())
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::Sandbox;
    use landlock::{
        ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
        RulesetCreatedAttr as _, RulesetStatus, Scope, path_beneath_rules,
    };
    use nix::sched::{CloneFlags, unshare};
    use nix::unistd::{getegid, geteuid};
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    use seccompiler::{
        BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
        SeccompFilter, SeccompRule, TargetArch,
    };
    use std::{
        collections::BTreeMap,
        fmt::Display,
        fs, io,
        os::unix::process::{ExitStatusExt as _, parent_id},
        path::PathBuf,
        process::{Command, ExitStatus},
        thread,
        time::Duration,
    };

    /// What every build needs of the system: compilers and libraries, and how those are found.
    const SYSTEM: [&str; 12] = [
        "/usr",
        "/bin",
        "/sbin",
        "/lib",
        "/lib32",
        "/lib64",
        "/nix/store",
        "/etc/alternatives",
        "/etc/ld.so.cache",
        "/etc/ld.so.conf",
        "/etc/ld.so.conf.d",
        "/dev/urandom",
    ];
    /// Where what nobody wants goes.
    const NOWHERE: &str = "/dev/null";
    /// Truncating a file is among what this one asks about.
    const LEAST: ABI = ABI::V3;
    /// What is closed besides where the system can: TCP, signals, abstract sockets.
    const BETTER: ABI = ABI::V6;

    /// How often it is looked whether the program has ended, or the caller has.
    const TICK: Duration = Duration::from_millis(20);
    /// What no build has to do with: sockets, also those by way of rings, and the keyrings that the user has in the kernel.
    const FORBIDDEN: [libc::c_long; 5] = [
        libc::SYS_socket,
        libc::SYS_io_uring_setup,
        libc::SYS_keyctl,
        libc::SYS_add_key,
        libc::SYS_request_key,
    ];
    /// The part of a socket's type that says what it is.
    const TYPE: u64 = 0xf;
    /// Pairs of sockets that can be connected to nobody else. One of datagrams can send to any socket of this machine.
    const PAIRS: [i32; 2] = [libc::SOCK_STREAM, libc::SOCK_SEQPACKET];
    /// What is added to a system call's number to call it in the way of x32.
    #[cfg(target_arch = "x86_64")]
    const X32: libc::c_long = 0x4000_0000;

    /// Seconds of computing of one process, bytes of a file, and no core.
    const LIMITS: [(Resource, u64); 3] = [
        (Resource::Cpu, 1800),
        (Resource::Fsize, 1 << 30),
        (Resource::Core, 0),
    ];

    /// Close the doors of this process, which has one thread, and run the program: the code that it ends with. An error means
    /// that a door can not be closed, and that nothing was run.
    pub fn run(sandbox: &Sandbox) -> Result<u8, String> {
        let Some((program, arguments)) = sandbox.command.split_first() else {
            return Err("there is no program to run".to_owned());
        };
        let caller = parent_id();
        // What the caller left open stays here.
        close_fds::set_fds_cloexec(3, &[]);
        lower_limits()?;
        leave()?;
        keep_files(sandbox)?;
        without_sockets()?;
        // The first process of its namespace: whatever it starts ends with it.
        let status = run_under(caller, Command::new(program).args(arguments));
        let status = status.map_err(|error| format!("start {}: {error}", program.display()))?;
        let code = status
            .code()
            .or_else(|| status.signal().map(|signal| 128 + signal));
        Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
    }

    /// Run the program until it ends, or the caller does. A signal at the death of the caller would end this process alone,
    /// and not the program, which can not be told before it starts to ask for one.
    fn run_under(caller: u32, command: &mut Command) -> io::Result<ExitStatus> {
        let mut child = command.spawn()?;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if parent_id() != caller {
                // It fails where it has ended by itself, and then that is waited for.
                let _ = child.kill();
                return child.wait();
            }
            thread::sleep(TICK);
        }
    }

    fn lower_limits() -> Result<(), String> {
        for (resource, most) in LIMITS {
            let maximum = getrlimit(resource)
                .maximum
                .map_or(most, |maximum| maximum.min(most));
            let limit = Rlimit {
                current: Some(maximum),
                maximum: Some(maximum),
            };
            setrlimit(resource, limit).map_err(because("lower its limits"))?;
        }
        Ok(())
    }

    /// Leave the network and the processes of this machine behind. The user stays who it is.
    fn leave() -> Result<(), String> {
        let (user, group) = (geteuid(), getegid());
        let namespaces = CloneFlags::CLONE_NEWUSER
            | CloneFlags::CLONE_NEWNET
            | CloneFlags::CLONE_NEWIPC
            | CloneFlags::CLONE_NEWPID;
        unshare(namespaces).map_err(because("make namespaces"))?;
        for (file, text) in [
            ("setgroups", "deny".to_owned()),
            ("uid_map", format!("{user} {user} 1")),
            ("gid_map", format!("{group} {group} 1")),
        ] {
            fs::write(format!("/proc/self/{file}"), text).map_err(because("say who the user is"))?;
        }
        Ok(())
    }

    fn keep_files(sandbox: &Sandbox) -> Result<(), String> {
        let all = AccessFs::from_all(BETTER);
        let read = AccessFs::from_read(BETTER);
        let system = SYSTEM.iter().map(PathBuf::from).filter(|path| path.exists());
        let readable = system.chain(sandbox.read.iter().cloned());
        let nowhere = AccessFs::ReadFile | AccessFs::WriteFile;
        let closed = || {
            Ruleset::default()
                .set_compatibility(CompatLevel::HardRequirement)
                .handle_access(AccessFs::from_all(LEAST))?
                .set_compatibility(CompatLevel::BestEffort)
                .handle_access(all)?
                .handle_access(AccessNet::from_all(BETTER))?
                .scope(Scope::from_all(BETTER))?
                .create()?
                .add_rules(path_beneath_rules(readable, read))?
                .add_rules(path_beneath_rules(&sandbox.write, all))?
                .add_rules(path_beneath_rules([NOWHERE], nowhere))?
                .restrict_self()
        };
        match closed() {
            Ok(status) if status.ruleset != RulesetStatus::NotEnforced => Ok(()),
            Ok(_) => Err("Landlock is not there".to_owned()),
            Err(error) => Err(format!("close the file system (Landlock): {error}")),
        }
    }

    /// Make every request for a socket or a key fail.
    fn without_sockets() -> Result<(), String> {
        let doing = "forbid sockets (seccomp)";
        let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(because(doing))?;
        let mut forbidden: BTreeMap<_, _> = FORBIDDEN.map(|call| (call, Vec::new())).into();
        forbidden.insert(libc::SYS_socketpair, other_pairs().map_err(because(doing))?);
        #[cfg(target_arch = "x86_64")]
        for (call, rules) in forbidden.clone() {
            forbidden.insert(call + X32, rules);
        }
        let denied = SeccompAction::Errno(libc::EACCES.unsigned_abs());
        let filter =
            SeccompFilter::new(forbidden, SeccompAction::Allow, denied, arch).map_err(because(doing))?;
        let program = BpfProgram::try_from(filter).map_err(because(doing))?;
        seccompiler::apply_filter(&program).map_err(because(doing))
    }

    /// The pairs of sockets that are not allowed.
    fn other_pairs() -> Result<Vec<SeccompRule>, BackendError> {
        let allowed = PAIRS.map(|kind| u64::from(kind.unsigned_abs()));
        let others = (0..=TYPE).filter(|kind| !allowed.contains(kind));
        let rules = others.map(|kind| {
            let is = SeccompCmpOp::MaskedEq(TYPE);
            SeccompRule::new(vec![SeccompCondition::new(1, SeccompCmpArgLen::Dword, is, kind)?])
        });
        rules.collect()
    }

    fn because<E: Display>(doing: &'static str) -> impl Fn(E) -> String {
        move |error| format!("{doing}: {error}")
    }
}
