//! What `bindgen!` makes of `wit/`: both worlds over one set of types and interfaces.
//!
//! The generated code is private to the crate; nothing here is written by hand but the mapping of resources.

#![expect(unreachable_pub, reason = "generated")]

pub mod nettest {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "nettest",
        imports: { default: trappable },
        exports: { default: async },
        // For transcripts.
        additional_derives: [serde::Serialize, serde::Deserialize],
        with: {
            "netsonde:probe/types.transaction": netsonde_net::Transaction,
            "netsonde:probe/types.connection": netsonde_net::Connection,
            "netsonde:probe/types.icmp-error": crate::host::icmp::IcmpError,
            "netsonde:probe/types.tcp-options": crate::host::tcp::Options,
            "netsonde:probe/types.udp-options": crate::host::udp::Options,
            "netsonde:probe/types.udp-socket": netsonde_net::UdpSocket,
            "netsonde:probe/types.udp-received": crate::host::udp::Arrival,
            "netsonde:probe/types.datagram": crate::host::udp::Datagram,
            "netsonde:probe/types.dns-options": crate::host::dns::Options,
            "netsonde:probe/types.dns-answer": crate::host::dns::Answer,
            "netsonde:probe/types.dns-reply": crate::host::dns::Reply,
            "netsonde:probe/types.tls-options": crate::host::tls::Options,
            "netsonde:probe/types.handshake-failure": crate::host::tls::Failed,
            "netsonde:probe/types.tls-session": crate::host::tls_session::Session,
            "netsonde:probe/types.http-request": crate::host::http::Request,
            "netsonde:probe/types.http-response": crate::host::http::Response,
        },
    });
}

pub mod mini_nettest {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "mini-nettest",
        imports: { default: trappable },
        exports: { default: async },
        with: { "netsonde:probe": super::nettest::netsonde::probe },
    });
}

pub(crate) use nettest::netsonde::probe::{helper, info, progress, tls, types};
