//! What wit-bindgen makes of `wit/`: one module a world, with every interface in the larger of the two.
//!
//! Nothing is written by hand here. The other modules give it the shape that a guest's author sees.

/// The world `nettest`, and all interfaces.
pub mod nettest {
    wit_bindgen::generate!({
        world: "nettest",
        path: "../../wit",
        pub_export_macro: true,
        export_macro_name: "export_world_nettest",
        default_bindings_module: "netsonde_guest::bindings::nettest",
    });
}

/// The world `mini-nettest`, with the interfaces of the other.
pub mod mini_nettest {
    wit_bindgen::generate!({
        world: "mini-nettest",
        path: "../../wit",
        pub_export_macro: true,
        export_macro_name: "export_world_mini_nettest",
        default_bindings_module: "netsonde_guest::bindings::mini_nettest",
        with: {
            "netsonde:probe/types@0.1.0": crate::bindings::nettest::netsonde::probe::types,
            "netsonde:probe/dns@0.1.0": crate::bindings::nettest::netsonde::probe::dns,
            "netsonde:probe/tcp@0.1.0": crate::bindings::nettest::netsonde::probe::tcp,
            "netsonde:probe/udp@0.1.0": crate::bindings::nettest::netsonde::probe::udp,
            "netsonde:probe/tls@0.1.0": crate::bindings::nettest::netsonde::probe::tls,
            "netsonde:probe/quic@0.1.0": crate::bindings::nettest::netsonde::probe::quic,
            "netsonde:probe/http@0.1.0": crate::bindings::nettest::netsonde::probe::http,
            "netsonde:probe/info@0.1.0": crate::bindings::nettest::netsonde::probe::info,
            "netsonde:probe/progress@0.1.0": crate::bindings::nettest::netsonde::probe::progress,
            "netsonde:probe/cache@0.1.0": crate::bindings::nettest::netsonde::probe::cache,
        },
    });
}
