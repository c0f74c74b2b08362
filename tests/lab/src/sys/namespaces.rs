//! User, network and mount namespaces: getting the privilege to build a lab, and moving into its parts.

use crate::link;
use crate::sys::processes;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{Pid, getegid, geteuid, getpid, getppid, write};
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Makes `command` start in a place where a [`Lab`](crate::Lab) can be started, and die with the thread that
/// starts it.
///
/// A process that may administer the network and the system already (root, usually) stays who it is. Any other gets
/// a user namespace of its own in which it is root, the caller's files and the caller's identity staying what they
/// are. Either way it is the first process of a process namespace: whatever it has started ends with it. Starting it
/// fails where the kernel forbids that; [`available`](crate::available) tells beforehand, and says why.
pub fn command_in_namespaces(command: &mut Command) -> &mut Command {
    let identity = (!privileged()).then(Identity::of_this_process);
    let parent = getpid();
    let before_exec = move || {
        if let Some(identity) = &identity {
            identity.enter_user_namespace(|_| ())?;
        }
        die_with(parent)?;
        processes::enter_process_namespace()?;
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes system calls only: what it needs was allocated before, it
    // takes no lock and touches no memory of other threads.
    #[expect(unsafe_code, reason = "pre_exec is the only way to act between fork and exec")]
    unsafe {
        command.pre_exec(before_exec)
    }
}

/// Whether this process can make namespaces and configure networks without a user namespace.
pub(crate) fn privileged() -> bool {
    const SYS_ADMIN_AND_NET_ADMIN: u64 = (1 << 21) | (1 << 12);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & SYS_ADMIN_AND_NET_ADMIN == SYS_ADMIN_AND_NET_ADMIN)
}

/// Arranges for this process, just forked by a thread of `parent`, to be killed when that thread ends.
fn die_with(parent: Pid) -> nix::Result<()> {
    set_pdeathsig(Signal::SIGKILL)?;
    // The parent may have ended before the line above.
    if getppid() == parent {
        Ok(())
    } else {
        Err(Errno::ESRCH)
    }
}

/// Who the process is, as the maps of a user namespace say it; written out before fork, where memory may be
/// allocated.
struct Identity {
    uid_map: String,
    gid_map: String,
}

impl Identity {
    fn of_this_process() -> Self {
        Self {
            uid_map: format!("0 {} 1\n", geteuid()),
            gid_map: format!("0 {} 1\n", getegid()),
        }
    }

    /// Makes the calling process, which must have one thread, root in new user, network and mount namespaces.
    /// Tells `progress` of each step before it is tried.
    fn enter_user_namespace(&self, progress: impl Fn(Step)) -> nix::Result<()> {
        progress(Step::UserNamespace);
        unshare(CloneFlags::CLONE_NEWUSER)?;
        progress(Step::IdentityMaps);
        // Where the process may not say who it is in the new namespace, it has no privilege there either.
        put(c"/proc/self/setgroups", b"deny")?;
        put(c"/proc/self/uid_map", self.uid_map.as_bytes())?;
        put(c"/proc/self/gid_map", self.gid_map.as_bytes())?;
        progress(Step::OtherNamespaces);
        unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS)
    }
}

/// Writes a file of /proc with system calls alone.
fn put(path: &CStr, content: &[u8]) -> nix::Result<()> {
    let file = open(path, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    write(&file, content).map(drop)
}

/// The steps to a place where a lab can be built, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Step {
    /// Nothing was tried: no process could be made.
    Fork,
    /// A user namespace.
    UserNamespace,
    /// The user and group maps of that namespace.
    IdentityMaps,
    /// The network, mount and process namespaces.
    OtherNamespaces,
    /// A tun device, or packet sockets in its place.
    Links,
    /// All went well.
    Done,
}

impl Step {
    const ALL: [Self; 6] = [
        Self::Fork,
        Self::UserNamespace,
        Self::IdentityMaps,
        Self::OtherNamespaces,
        Self::Links,
        Self::Done,
    ];

    /// What is done, for people.
    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::Fork => "start a process",
            Self::UserNamespace => "make a user namespace",
            Self::IdentityMaps => "map this user in a new user namespace",
            Self::OtherNamespaces => "make network, mount and process namespaces",
            Self::Links => "make a network device",
            Self::Done => "end the trial",
        }
    }
}

/// Tries all steps in a child process that ends at once; returns the one that failed and why, or nothing.
pub(crate) fn try_in_child() -> io::Result<Option<(Step, io::Error)>> {
    let identity = (!privileged()).then(Identity::of_this_process);
    let (mut reports, report_to) = io::pipe()?;
    let report_to = OwnedFd::from(report_to);
    let before_exec = move || -> io::Result<()> {
        let progress = |step: Step| {
            // A report that cannot be written makes the trial look stuck at an earlier step, which is a failure.
            let _ = write(&report_to, &[step as u8]);
        };
        if let Some(identity) = &identity {
            identity.enter_user_namespace(progress)?;
        } else {
            progress(Step::OtherNamespaces);
            unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS)?;
        }
        unshare(CloneFlags::CLONE_NEWPID)?;
        progress(Step::Links);
        link::try_devices()?;
        progress(Step::Done);
        // Nothing is to be executed: an error here ends the child.
        Err(Errno::ECANCELED.into())
    };
    let mut command = Command::new("/");
    // SAFETY: as above, the closure makes system calls only, on things allocated before fork.
    #[expect(unsafe_code, reason = "pre_exec is the only way to act between fork and exec")]
    unsafe {
        command.pre_exec(before_exec);
    }
    let Err(error) = command.spawn() else {
        return Err(io::Error::other("the trial child lived on"));
    };
    // Drops the closure and with it this process's writing end, so that reading comes to an end.
    drop(command);
    let mut seen = Vec::new();
    reports.read_to_end(&mut seen)?;
    let last = seen.last().copied().unwrap_or(Step::Fork as u8);
    let step = Step::ALL
        .into_iter()
        .find(|step| *step as u8 == last)
        .unwrap_or(Step::Fork);
    Ok((step != Step::Done).then_some((step, error)))
}

/// Moves the calling thread into a new network namespace; the descriptor lets others follow.
pub(crate) fn new_network_namespace() -> io::Result<OwnedFd> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    Ok(File::open("/proc/thread-self/ns/net")?.into())
}

/// Moves the calling thread into a network namespace.
pub(crate) fn enter_network_namespace(namespace: &impl AsFd) -> nix::Result<()> {
    setns(namespace, CloneFlags::CLONE_NEWNET)
}

/// What programs see in place of the machine, the client or those that serve: a network namespace, and files of their own.
pub(crate) struct View {
    /// The network namespace.
    pub(crate) network: OwnedFd,
    /// The folder that holds the client's files. They are in memory and go with the last process that sees them,
    /// however the lab ends.
    pub(crate) folder: CString,
    /// The files in it.
    pub(crate) files: Vec<OwnFile>,
    /// Directories to see empty.
    pub(crate) hidden: Vec<CString>,
}

/// A file that is seen in one place only.
pub(crate) struct OwnFile {
    /// Its path, in the view's folder.
    pub(crate) path: CString,
    pub(crate) content: Vec<u8>,
    /// The machine's file in whose place it is seen, too.
    pub(crate) covers: Option<CString>,
}

impl OwnFile {
    /// Writes the file, for everybody to read: programs in the lab may run as another user than the lab. System
    /// calls only.
    fn write(&self) -> nix::Result<()> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
        let file = open(self.path.as_c_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
        // Not open's mode, from which the umask is taken.
        fchmod(&file, Mode::from_bits_truncate(0o644))?;
        let mut rest = self.content.as_slice();
        while !rest.is_empty() {
            let written = write(&file, rest)?;
            rest = rest.get(written..).unwrap_or_default();
        }
        Ok(())
    }
}

impl View {
    /// Moves the calling thread, or a process between fork and exec, into its place. System calls only.
    pub(crate) fn enter(&self) -> nix::Result<()> {
        enter_network_namespace(&self.network)?;
        unshare(CloneFlags::CLONE_NEWNS)?;
        let none = None::<&CStr>;
        mount(none, c"/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
        mount(
            Some(c"none"),
            self.folder.as_c_str(),
            Some(c"tmpfs"),
            MsFlags::empty(),
            Some(c"mode=755"),
        )?;
        for file in &self.files {
            file.write()?;
            if let Some(covered) = &file.covers {
                let from = Some(file.path.as_c_str());
                mount(from, covered.as_c_str(), none, MsFlags::MS_BIND, none)?;
            }
        }
        for path in &self.hidden {
            mount(
                Some(c"none"),
                path.as_c_str(),
                Some(c"tmpfs"),
                MsFlags::empty(),
                none,
            )?;
        }
        Ok(())
    }

    /// Makes `command` start in its place and die with the thread that starts it.
    pub(crate) fn apply(self: std::sync::Arc<Self>, command: &mut Command) {
        let parent = getpid();
        let before_exec = move || {
            self.enter()?;
            die_with(parent)?;
            Ok(())
        };
        // SAFETY: between fork and exec the closure makes system calls only, on descriptors and strings that were
        // made before.
        #[expect(unsafe_code, reason = "pre_exec is the only way to act between fork and exec")]
        unsafe {
            command.pre_exec(before_exec);
        }
    }
}
