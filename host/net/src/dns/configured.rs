//! The resolvers that the system is configured to ask.

use std::net::IpAddr;

/// Where Unix systems say whom to ask.
#[cfg(unix)]
const FILE: &str = "/etc/resolv.conf";

/// The addresses of the resolvers in `/etc/resolv.conf`, in its order: often a stub on this machine or the router at
/// home, so not where queries enter the internet. Empty where there is no such file.
#[cfg(unix)]
pub fn configured_resolvers() -> Vec<IpAddr> {
    std::fs::read(FILE).map_or_else(|_| Vec::new(), |text| resolvers_in(&text))
}

/// Systems other than Unix do not say it in a file.
#[cfg(not(unix))]
pub fn configured_resolvers() -> Vec<IpAddr> {
    Vec::new()
}

/// What a file says. One that is malformed says nothing.
#[cfg(unix)]
pub(crate) fn resolvers_in(text: &[u8]) -> Vec<IpAddr> {
    let Ok(config) = resolv_conf::Config::parse(text) else {
        return Vec::new();
    };
    config.nameservers.into_iter().map(IpAddr::from).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn resolvers_are_read_in_their_order() {
        let text = b"# by hand\nsearch lan\nnameserver 192.168.1.1\nnameserver fe80::1%1\noptions ndots:2\n";
        let read: Vec<String> = resolvers_in(text).iter().map(ToString::to_string).collect();
        assert_eq!(read, ["192.168.1.1", "fe80::1"]);
        assert!(resolvers_in(b"nameserver home\n").is_empty());
    }
}
