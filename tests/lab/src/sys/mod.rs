//! What the lab asks of the kernel: namespaces and network configuration. No external program is needed.

pub(crate) mod namespaces;
pub(crate) mod netlink;
pub(crate) mod processes;

/// Writes a network setting of the calling thread's network namespace, if the kernel lets it be written: none of
/// those the lab touches is one it cannot do without.
pub(crate) fn prefer_setting(path: &str, value: &str) {
    // Ignored: /proc/sys is read-only in some containers, and the defaults serve there.
    let _ = std::fs::write(format!("/proc/sys/net/{path}"), value);
}
