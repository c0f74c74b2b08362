//! The ways out, as text.

type Way = (&'static str, String);

/// This machine, in every spelling.
pub(crate) fn loopback(port: u16) -> Vec<Way> {
    [
        ("loopback", "127.0.0.1"),
        ("another loopback", "127.7.7.7"),
        ("loopback, IPv6", "[::1]"),
        ("loopback, IPv4-mapped", "[::ffff:127.0.0.1]"),
        ("loopback, IPv4-compatible", "[::127.0.0.1]"),
        ("loopback, NAT64", "[64:ff9b::127.0.0.1]"),
        ("loopback, local NAT64", "[64:ff9b:1::127.0.0.1]"),
        ("loopback, 6to4", "[2002:7f00:1::1]"),
        ("loopback, Teredo", "[2001:0:7f00:1::f7f7:f7f7]"),
        ("no address", "0.0.0.0"),
        ("no address, the end of the block", "0.255.255.255"),
        ("no address, IPv6", "[::]"),
        ("no address, IPv4-mapped", "[::ffff:0.0.0.0]"),
    ]
    .map(|(way, to)| (way, format!("{to}:{port}")))
    .into()
}

/// Everything that is an endpoint.
pub(crate) fn elsewhere() -> Vec<Way> {
    let mut all = loopback(8080);
    all.extend(
        [
            ("private, 10/8", "10.0.0.1"),
            ("private, 172.16/12", "172.16.0.1"),
            ("private, 192.168/16", "192.168.1.1"),
            ("private, IPv4-mapped", "[::ffff:192.168.1.1]"),
            ("private, NAT64", "[64:ff9b::192.168.1.1]"),
            (
                "private, local NAT64 of another length",
                "[64:ff9b:1:c0a8:1:100::]",
            ),
            ("private, 6to4", "[2002:c0a8:101::1]"),
            ("private, Teredo client", "[2001:0:808:808::3f57:fefe]"),
            ("private, ISATAP", "[2606:4700::5efe:192.168.1.1]"),
            ("private, carrier", "100.64.0.1"),
            ("private, IPv6", "[fd00::1]"),
            ("private, site-local", "[fec0::1]"),
            ("link-local", "169.254.1.1"),
            ("link-local, IPv6", "[fe80::1]"),
            ("link-local, IPv6 with a scope", "[fe80::1%2]"),
            ("metadata", "169.254.169.254"),
            ("metadata, IPv4-mapped", "[::ffff:169.254.169.254]"),
            ("metadata, IPv6", "[fd00:ec2::254]"),
            ("multicast", "224.0.0.1"),
            ("multicast, IPv6", "[ff02::1]"),
            ("broadcast", "255.255.255.255"),
            ("benchmarks", "198.18.0.1"),
            ("documentation", "192.0.2.1"),
            ("documentation, IPv6", "[2001:db8::1]"),
            ("future use", "240.0.0.1"),
            ("the device itself", "130.192.91.211"),
            ("a host that nobody named", "23.215.0.132"),
            ("a host that nobody named, IPv4-mapped", "[::ffff:23.215.0.132]"),
            ("a neighbour of the target", "23.192.228.81"),
        ]
        .map(|(way, to)| (way, format!("{to}:80"))),
    );
    all
}

/// Ports where a connection does harm, at an address that may be gone to.
pub(crate) const ABUSED: [u16; 8] = [22, 23, 25, 445, 587, 3389, 6667, 9100];

/// Names that nobody named; the last is named, and its answers lead inside.
pub(crate) const NAMES: [(&str, &str); 6] = [
    ("a name of its own", "example.org"),
    ("a secret in a name", "73656372657473.example.com"),
    ("a name for this machine", "localhost"),
    ("a number for this machine", "2130706433"),
    ("a short name for this machine", "127.1"),
    ("an answer that leads inside", "rebind.example"),
];

/// Resolvers that nobody named, and ports of a resolver that are not for DNS.
pub(crate) const RESOLVERS: [(&str, &str); 6] = [
    ("a resolver that nobody named", "8.8.8.8:53"),
    ("a resolver on this machine", "127.0.0.1:53"),
    ("a resolver in a private network", "192.168.1.1:53"),
    ("multicast DNS", "224.0.0.251:5353"),
    ("an amplifier, SSDP", "23.192.228.80:1900"),
    ("an amplifier, memcached", "23.192.228.80:11211"),
];
