use super::*;
use crate::policy::{Named, Scope};
use netsonde_data::observation::Answer;

fn named(texts: &[&str]) -> Named {
    let mut named = Named::default();
    for text in texts {
        named.add_text(text);
    }
    named
}

fn rules(classes: &[Class], targets: &[&str]) -> Rules {
    Rules {
        classes: classes.iter().copied().collect(),
        targets: named(targets),
        networks: [("192.168.7.20".parse().unwrap(), 24)].into_iter().collect(),
        ..Rules::default()
    }
}

fn policed(rules: Rules) -> Policed {
    Policed::new(Destinations::Ruled(Box::new(rules)))
}

fn may(policed: &Policed, to: &str) -> bool {
    may_over(policed, Transport::Tcp, to)
}

fn may_over(policed: &Policed, transport: Transport, to: &str) -> bool {
    policed
        .judge(policed.rules().unwrap(), transport, to.parse().unwrap())
        .is_ok()
}

fn answered(policed: &Policed, engine: &str, name: &str, addresses: &[&str], alias: Option<&str>) {
    let addresses = addresses
        .iter()
        .map(|address| Answer::address(address.parse().unwrap(), None));
    let alias = alias.map(|alias| Answer::cname(alias, None));
    policed.looked_up(&Query {
        answers: addresses.chain(alias).collect(),
        engine: engine.to_owned(),
        hostname: name.to_owned(),
        ..Query::default()
    });
}

#[test]
fn who_asks_for_nothing_goes_nowhere() {
    let policed = policed(rules(&[], &["8.8.8.8", "example.org"]));
    assert!(!may(&policed, "8.8.8.8:443"));
    assert!(!policed.has_name("example.org"));
    answered(&policed, "getaddrinfo", "example.org", &["1.2.3.4"], None);
    assert!(!may(&policed, "1.2.3.4:443"));
}

#[test]
fn targets_are_what_the_target_names_and_no_more() {
    let policed = policed(rules(&[Class::Targets], &["https://8.8.8.8/", "example.org:80"]));
    assert!(may(&policed, "8.8.8.8:443") && may(&policed, "[::ffff:8.8.8.8]:443"));
    assert!(!may(&policed, "8.8.4.4:443"));
    assert!(policed.has_name("Example.org.") && policed.has_name("_8443._https.example.org"));
    assert!(!policed.has_name("x.example.org") && !policed.has_name("org"));
    assert!(!policed.has_name("ex%61mple.org") && !policed.has_name("ex\u{ad}ample.org"));
    answered(
        &policed,
        "udp",
        "example.org",
        &["1.2.3.4"],
        Some("cdn.example.net"),
    );
    assert!(!may(&policed, "1.2.3.4:443"), "that is derived");
    assert!(!policed.has_name("cdn.example.net"));
}

#[test]
fn derived_is_what_lookups_of_targets_return() {
    let policed = policed(rules(&[Class::Derived], &["example.org"]));
    answered(&policed, "udp", "made-up.example", &["9.9.9.9"], None);
    answered(
        &policed,
        "udp",
        "example.org",
        &["1.2.3.4", "2606:4700::1"],
        Some("cdn.example.net"),
    );
    assert!(may(&policed, "1.2.3.4:443") && may(&policed, "[2606:4700::1]:443"));
    assert!(!may(&policed, "9.9.9.9:443"));
    assert!(policed.has_name("cdn.example.net") && policed.has_name("4.3.2.1.in-addr.arpa"));
    assert!(!policed.has_name("9.9.9.9.in-addr.arpa") && !policed.has_name("3.2.1.in-addr.arpa"));
    answered(&policed, "udp", "cdn.example.net", &["5.6.7.8"], None);
    assert!(may(&policed, "5.6.7.8:443"));
}

#[test]
fn a_redirect_leads_to_a_name_that_may_be_asked_for() {
    let of = |classes: &[Class]| {
        let policed = policed(rules(classes, &["example.org"]));
        for location in [&b"http://www.example.org/"[..], b"http://192.168.9.9/"] {
            let headers = [("Location".to_owned(), Bytes::from_static(location))];
            policed.redirected([&b"http://example.org/"[..]], 301, &headers);
        }
        answered(
            &policed,
            "getaddrinfo",
            "www.example.org",
            &["1.2.3.4", "10.0.0.1"],
            None,
        );
        policed
    };
    let policed = of(&[Class::Targets, Class::Derived]);
    assert!(policed.has_name("www.example.org") && may(&policed, "1.2.3.4:443"));
    assert!(!may(&policed, "10.0.0.1:443"), "not a target's own name");
    assert!(!may(&policed, "192.168.9.9:80"));
    let policed = of(&[Class::Targets]);
    assert!(!policed.has_name("www.example.org") && !may(&policed, "1.2.3.4:443"));
}

#[test]
fn helpers_and_fixed_endpoints_are_for_those_who_ask() {
    let with = |classes: &[Class]| {
        policed(Rules {
            helpers: named(&["https://th.example/", "8.8.8.8"]),
            fixed: named(&["fixed.example", "8.8.4.4"]),
            ..rules(classes, &[])
        })
    };
    let helpers = with(&[Class::Helpers]);
    answered(
        &helpers,
        "getaddrinfo",
        "th.example",
        &["1.2.3.4"],
        Some("alias.example"),
    );
    assert!(
        may(&helpers, "8.8.8.8:443") && may(&helpers, "1.2.3.4:443") && helpers.has_name("alias.example")
    );
    assert!(!may(&helpers, "8.8.4.4:443") && !helpers.has_name("fixed.example"));
    let fixed = with(&[Class::Fixed]);
    assert!(may(&fixed, "8.8.4.4:443") && fixed.has_name("fixed.example"));
    assert!(!may(&fixed, "8.8.8.8:443") && !fixed.has_name("th.example"));
}

#[test]
fn any_is_any_public_address_but_no_other() {
    let policed = policed(rules(&[Class::Any], &["example.org"]));
    assert!(may(&policed, "9.9.9.9:443") && policed.has_name("made-up.example"));
    for inside in [
        "127.0.0.1:80",
        "192.168.7.1:80",
        "10.0.0.1:80",
        "[fe80::1%2]:80",
        "0.0.0.0:80",
        "9.9.9.9:25",
    ] {
        assert!(!may(&policed, inside), "{inside}");
    }
    assert!(!may_over(&policed, Transport::Udp, "9.9.9.9:53"));
    assert!(may_over(&policed, Transport::Dns, "9.9.9.9:53"));
}

#[test]
fn a_private_address_is_evidence_where_the_system_gave_it_for_a_targets_own_name() {
    let policed = policed(rules(
        &[Class::Targets, Class::Derived],
        &["example.org", "10.9.9.9"],
    ));
    answered(
        &policed,
        "getaddrinfo",
        "example.org",
        &["10.10.34.35", "192.168.7.1", "127.0.0.1"],
        None,
    );
    answered(&policed, "udp", "example.org", &["10.10.34.36"], None);
    assert!(may(&policed, "10.10.34.35:80") && may(&policed, "10.10.34.35:443"));
    for refused in [
        "10.10.34.35:8080", // another port
        "10.10.34.36:80",   // another resolver, which the script may have chosen
        "10.9.9.9:80",      // an address that the script names
        "192.168.7.1:80",   // a neighbour
        "127.0.0.1:80",
    ] {
        assert!(!may(&policed, refused), "{refused}");
    }
    assert!(!may_over(&policed, Transport::Udp, "10.10.34.35:443"));
}

#[test]
fn what_the_user_allows_still_has_to_be_asked_for() {
    let with = |allowed: &[Scope]| {
        policed(Rules {
            allowed: allowed.iter().copied().collect(),
            ..rules(&[Class::Targets], &["127.0.0.1", "192.168.7.1", "10.0.0.1"])
        })
    };
    let loopback = with(&[Scope::Loopback]);
    assert!(may(&loopback, "127.0.0.1:80") && !may(&loopback, "127.0.0.2:80"));
    assert!(!may(&loopback, "192.168.7.1:80") && !may(&loopback, "127.0.0.1:22"));
    let private = with(&[Scope::Private]);
    assert!(
        may(&private, "10.0.0.1:80") && !may(&private, "192.168.7.1:80"),
        "that is lan"
    );
    assert!(may(&with(&[Scope::Lan]), "192.168.7.1:80"));
}

#[test]
fn a_name_is_looked_up_in_one_spelling() {
    for classes in [&[Class::Targets][..], &[Class::Derived]] {
        let policed = policed(rules(classes, &["https://example.org/"]));
        assert!(policed.has_name("example.org") && policed.has_name("EXAMPLE.org"));
        // A URL's host, but not what a resolver would be asked for.
        for other in [
            "%65xample.org",
            "ex%61mple%2Eorg",
            "_%65x.example.org",
            "example.org%00",
        ] {
            assert!(!policed.has_name(other), "{other}");
        }
    }
}
