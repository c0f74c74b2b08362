//! Ports where a connection does harm or looks like an attack, whatever the address.
//!
//! Measured networks see the volunteer's address: mail relays, log-ins and worms' ports get it onto lists of abusers,
//! and services that answer a small datagram with a large one are how denial of service is done. No nettest needs them.

use super::Transport;

/// Whether a port is refused.
pub(super) fn abusive(transport: Transport, port: u16) -> bool {
    match transport {
        Transport::Tcp => tcp(port),
        Transport::Udp => port == 53 || udp(port),
        Transport::Dns => udp(port),
    }
}

fn tcp(port: u16) -> bool {
    matches!(
        port,
        // Logging in: FTP, SSH, telnet, the r-commands, VNC, RDP, WinRM. A connection is counted as an attempt.
        21..=23 | 512..=514 | 2222 | 2323 | 3389 | 5900..=5910 | 5985 | 5986
        // Sending mail.
        | 25 | 465 | 587 | 2525
        // Amplifiers that also speak TCP, and services of the local network: chargen, portmapper, NFS, SMB, LDAP.
        | 19 | 111 | 135..=139 | 389 | 445 | 636 | 2049
        // Printers, which print what they are sent.
        | 515 | 631 | 9100..=9107
        // IRC, where connections are taken for bots.
        | 6660..=6669 | 6697
        // Databases and control planes that act on whoever connects.
        | 1433 | 1521 | 2375 | 2376 | 3306 | 5432 | 5555 | 6379 | 7547 | 9200 | 9300 | 10250 | 11211 | 27017
    )
}

fn udp(port: u16) -> bool {
    matches!(
        port,
        // Echo, daytime, quote of the day, chargen.
        7 | 13 | 17 | 19
        // DHCP, TFTP, portmapper, NTP, NetBIOS, SNMP, LDAP, syslog, RIP, IPMI.
        | 67..=69 | 111 | 123 | 135..=139 | 161 | 162 | 389 | 514 | 520 | 623
        // SQL Server's browser, SSDP, Apple's remote desktop, RDP, WS-Discovery, SIP.
        | 1434 | 1900 | 3283 | 3389 | 3702 | 5060 | 5061
        // NAT-PMP and PCP, mDNS, LLMNR, CoAP, Ubiquiti's discovery, memcached, Quake's and Valve's servers, cameras.
        | 5350 | 5351 | 5353 | 5355 | 5683 | 10001 | 11211 | 26000 | 27015..=27017 | 27960 | 37810
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nettests_use_is_not_refused() {
        for port in [1, 53, 80, 443, 853, 993, 1194, 5222, 5228, 8080, 8443, 9001] {
            assert!(!abusive(Transport::Tcp, port), "tcp {port}");
        }
        for port in [443, 500, 784, 853, 1194, 3478, 4500, 19302, 51820] {
            assert!(!abusive(Transport::Udp, port), "udp {port}");
        }
    }

    #[test]
    fn dns_over_udp_is_for_lookups() {
        assert!(abusive(Transport::Udp, 53) && !abusive(Transport::Dns, 53));
        assert!(abusive(Transport::Dns, 5353) && abusive(Transport::Dns, 11211));
    }
}
