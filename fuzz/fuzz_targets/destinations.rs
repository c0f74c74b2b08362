//! Scripts name where a guest may go, and servers redirect: what is understood is an address or a name and nothing else, and
//! a redirect that repeats what was sent leads nowhere.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use netsonde_net::{Named, fuzzing::redirect};

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Script(&'a str),
    Redirect(&'a [u8], Vec<&'a [u8]>),
    Host(&'a str, &'a str),
}

fuzz_target!(|input: Input| match input {
    Input::Script(text) => {
        let mut named = Named::default();
        named.add_text(text);
        check(&named);
    }
    Input::Redirect(location, sent) => {
        if let Some(host) = redirect(location, &sent) {
            check_host(&host);
            let echoed = format!("to={host}&");
            assert_eq!(redirect(location, &[echoed.as_bytes()]), None, "{host}");
        }
    }
    Input::Host(host, path) => {
        let location = format!("https://{host}/{path}");
        if let Some(found) = redirect(location.as_bytes(), &[]) {
            check_host(&found);
            assert_eq!(
                redirect(location.as_bytes(), &[location.as_bytes()]),
                None,
                "{found}"
            );
        }
    }
});

fn check_host(host: &str) {
    let mut named = Named::default();
    assert!(named.add(host), "{host} is a host");
    check(&named);
}

fn check(named: &Named) {
    for address in &named.addresses {
        assert_eq!(*address, address.to_canonical());
    }
    for name in &named.names {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
        assert!(!name.is_empty() && name.chars().all(plain), "{name}");
        assert!(name.parse::<std::net::IpAddr>().is_err(), "{name}");
    }
}
