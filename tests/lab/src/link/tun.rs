//! tun devices: the kernel hands every packet routed to the interface to a file, and takes packets from it.

use super::interface_request;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// Makes a tun interface in the calling thread's network namespace. The file works from any thread.
pub(super) fn open(name: &str) -> io::Result<File> {
    let flags = OFlag::O_RDWR | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    let file = File::from(nix::fcntl::open(c"/dev/net/tun", flags, Mode::empty())?);
    let mut request = interface_request(name);
    // Both flags are small: 0x1001 together.
    request.ifr_ifru.ifru_flags =
        libc::c_short::try_from(libc::IFF_TUN | libc::IFF_NO_PI).unwrap_or_default();
    // SAFETY: TUNSETIFF reads and writes one ifreq, which lives across the call, and the descriptor is open.
    #[expect(unsafe_code, reason = "an ioctl has no safe form")]
    let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
    Errno::result(result)?;
    Ok(file)
}
