//! The processes of a lab: none outlives it, and who stands for another passes signals on to it.

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, kill, pthread_sigmask, raise, signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use std::ffi::CStr;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::time::Duration;

/// What asks a program to end.
const REQUESTS: [Signal; 2] = [Signal::SIGTERM, Signal::SIGHUP];

/// Goes on as the first process of a new process namespace, which the kernel clears when that process ends. System
/// calls only, for a process between fork and exec.
///
/// A process cannot change its own namespace: the calling one forks, stays behind, and never returns.
pub(crate) fn enter_process_namespace() -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNS)?;
    let mut awaited = SigSet::from_iter(REQUESTS);
    awaited.add(Signal::SIGCHLD);
    // Ctrl-C is for the processes of the whole terminal; the one that stays behind ends with the other.
    let mut blocked = awaited;
    blocked.add(Signal::SIGINT);
    blocked.add(Signal::SIGQUIT);
    let mut before = SigSet::empty();
    pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&blocked), Some(&mut before))?;
    // SAFETY: the calling process has one thread, and both processes make system calls only until exec or exit.
    #[expect(unsafe_code, reason = "a process namespace begins with a fork")]
    let forked = unsafe { fork() }?;
    if let ForkResult::Parent { child } = forked {
        stand_for(child, &awaited)
    }
    // Comes from outside the namespace, so that it kills even the first process inside.
    set_pdeathsig(Signal::SIGKILL)?;
    pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&before), None)?;
    let none = None::<&CStr>;
    mount(none, c"/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    // Where a container hides parts of /proc, a user may not mount another one. Then ps shows the processes outside,
    // too, and all else works.
    let _ = mount(Some(c"proc"), c"/proc", Some(c"proc"), MsFlags::empty(), none);
    Ok(())
}

/// Passes requests to end on to `child`, and ends as it does. System calls only.
fn stand_for(child: Pid, awaited: &SigSet) -> ! {
    // What others wait to see closed is the child's to close.
    // SAFETY: this process uses no descriptor from here on, and none of its code that would close one runs.
    #[expect(unsafe_code, reason = "closing what was inherited")]
    unsafe {
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0);
    }
    let code = loop {
        match awaited.wait() {
            Ok(Signal::SIGCHLD) => match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(_, code)) => break code,
                Ok(WaitStatus::Signaled(_, by, _)) => {
                    // SAFETY: the default action is no function.
                    #[expect(unsafe_code, reason = "to end by the same signal")]
                    let _ = unsafe { signal(by, SigHandler::SigDfl) };
                    let _ = SigSet::all().thread_unblock();
                    let _ = raise(by);
                    break 128_i32.saturating_add(by as i32);
                }
                _ => (),
            },
            // Fails only if the child has ended, which is told next.
            Ok(request) => drop(kill(child, request)),
            Err(_) => (),
        }
    };
    // SAFETY: ends this process, a copy of another, whose exit handlers are not to run.
    #[expect(unsafe_code, reason = "std's exit would run exit handlers")]
    unsafe {
        libc::_exit(code)
    }
}

/// Runs a program to its end in this process's place: SIGTERM and SIGHUP are passed on to it, and it is killed when
/// it still runs after `grace`; Ctrl-C, which reaches it anyway, is left to it.
///
/// All children of this process are waited for, also those of others it inherits as the first process of its
/// namespace: it is for programs that have no other children. Fails where the program cannot be started.
pub fn run_to_end(command: &mut Command, grace: Duration) -> io::Result<ExitStatus> {
    let ignored = ignored_signals();
    let passed = REQUESTS
        .into_iter()
        .map(|request| request as i32)
        .filter(|request| ignored & (1 << (request - 1)) == 0);
    let caught = passed.chain([libc::SIGINT, libc::SIGCHLD]);
    let mut signals = signal_hook::iterator::Signals::new(caught)?;
    let id = command.spawn()?.id();
    let child = Pid::from_raw(id.try_into().map_err(io::Error::other)?);
    loop {
        for caught in signals.wait() {
            match caught {
                libc::SIGCHLD => {
                    if let Some(status) = reap(child)? {
                        return Ok(status);
                    }
                }
                libc::SIGINT => (),
                request => {
                    // It fails if the child has ended, which is told next.
                    let _ = kill(child, Signal::try_from(request)?);
                    std::thread::spawn(move || {
                        std::thread::sleep(grace);
                        let _ = kill(child, Signal::SIGKILL);
                    });
                }
            }
        }
    }
}

/// Takes note of every child that has ended; the status of the awaited one.
fn reap(awaited: Pid) -> io::Result<Option<ExitStatus>> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => return Ok(None),
            Ok(WaitStatus::Exited(pid, code)) if pid == awaited => {
                return Ok(Some(ExitStatus::from_raw(code << 8)));
            }
            Ok(WaitStatus::Signaled(pid, by, _)) if pid == awaited => {
                return Ok(Some(ExitStatus::from_raw(by as i32)));
            }
            Ok(_) | Err(Errno::EINTR) => (),
            Err(error) => return Err(error.into()),
        }
    }
}

/// The signals this process was started to ignore, the first in the lowest bit: under nohup, SIGHUP.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}
