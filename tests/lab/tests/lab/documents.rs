//! Scenario documents: the examples, and what is said of documents with mistakes.

use netsonde_lab::Scenario;
use netsonde_lab::scenario::{Action, Alpn, Certificate, Claim, When};
use std::collections::BTreeMap;
use std::path::Path;

/// The documents in a folder of `examples/scenarios`, each of which can be read.
fn examples(folder: &str) -> BTreeMap<String, Scenario> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/scenarios");
    let mut examples = BTreeMap::new();
    for entry in std::fs::read_dir(root.join(folder)).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let scenario = Scenario::load(&path).unwrap_or_else(|error| panic!("{error}"));
        examples.insert(path.file_stem().unwrap().to_str().unwrap().to_owned(), scenario);
    }
    examples
}

#[test]
fn every_example_can_be_read_and_says_what_it_shows() {
    for folder in ["", "web_connectivity"] {
        let examples = examples(folder);
        assert!(!examples.is_empty(), "{folder}");
        for (name, scenario) in examples {
            assert!(!scenario.description.is_empty(), "{name}");
        }
    }
}

/// What is compared of pages is their length and their title: these are the ones of upstream's own tests.
#[test]
fn the_pages_of_web_connectivity_have_the_lengths_that_its_results_depend_on() {
    let scenarios = examples("web_connectivity");
    assert_eq!(scenarios.len(), 51);
    let pages = &scenarios["internet"].pages;
    for (name, length, title) in [
        ("default", 1533, "Default Web Page"),
        ("access_denied", 188, "Access Denied"),
        ("just_a_moment", 8432, "Just a moment..."),
    ] {
        let page = &pages[name];
        assert_eq!(page.len(), length, "{name}");
        assert!(page.contains(&format!("<title>{title}</title>")), "{name}");
    }
    for forged in ["19-httpDiffWithConsistentDNS", "20-httpDiffWithInconsistentDNS"] {
        let rule = scenarios[forged].rules.last().unwrap();
        let response = format!("HTTP/1.0 200 OK\r\n\r\n{}", pages["access_denied"]);
        assert_eq!(rule.action, Action::Response(response));
    }
}

#[test]
fn every_field_can_be_written() {
    let text = r#"
        description = "All of it."
        delay_ms = 3
        [resolver]
        address = "192.0.2.53"
        lies = { "a.test" = { dns = ["10.0.0.1"] }, "b.test" = "nxdomain" }
        [[host]]
        name = "a.test"
        aliases = ["aa.test"]
        addresses = ["192.0.2.1", "2001:db8::1"]
        http = [80, 8080]
        https = [443]
        dns = [53]
        status = 301
        headers = { Location = "https://b.test/" }
        body_bytes = 10
        certificate = "unknown-authority"
        alpn = ["http/1.1"]
        [[host]]
        name = "b.test"
        cname = "a.test"
        [[rule]]
        when = { endpoint = "[2001:db8::1]:443" }
        do = { throttle_bytes_per_second = 1000 }
        [[rule]]
        name = "second"
        when = { dns = "a.test" }
        do = { dns = ["10.0.0.2"] }
    "#;
    let scenario = Scenario::from_toml("all.toml", text).unwrap();
    assert_eq!(scenario.resolver.lies["b.test"], Claim::Nxdomain);
    assert_eq!(scenario.hosts[0].certificate, Certificate::UnknownAuthority);
    assert_eq!(scenario.hosts[0].alpn, [Alpn::Http11]);
    assert_eq!(
        scenario.rules[0].when,
        When::Endpoint("[2001:db8::1]:443".parse().unwrap())
    );
    assert_eq!(
        scenario.rules[1].action,
        Action::Dns(vec!["10.0.0.2".parse().unwrap()])
    );
}

/// What is said of a document that begins with a good host.
fn complaint(rest: &str) -> String {
    let text = format!("[[host]]\nname = \"a.test\"\naddresses = [\"192.0.2.1\"]\nhttp = [80]\n\n{rest}\n");
    Scenario::from_toml("x.toml", &text).unwrap_err().to_string()
}

#[test]
fn words_that_scenarios_do_not_have_are_named_with_those_they_have() {
    insta::assert_snapshot!(complaint("[[hosts]]\nname = 'b'"), @"x.toml:6: unknown field `hosts`, expected one of `description`, `base`, `delay_ms`, `resolver`, `names`, `pages`, `hop`, `host`, `rule`, in `[[hosts]]`");
    insta::assert_snapshot!(complaint("[[rule]]\nwhen = { snl = 'a.test' }\ndo = 'drop'"), @"x.toml:7: unknown variant `snl`, expected one of `sni`, `quic_sni`, `ech`, `spanning_hello`, `host`, `dns`, `port`, `endpoint`, in `when = { snl = 'a.test' }`");
    insta::assert_snapshot!(complaint("[[rule]]\nwhen = { sni = 'a.test' }\ndo = 'rst'"), @"x.toml:8: unknown variant `rst`, expected one of `drop`, `reset`, `close`, `refuse`, `icmp`, `dns`, `nxdomain`, `rcode`, `blockpage`, `response`, `stun`, `reset_after_bytes`, `throttle_bytes_per_second`, in `do = 'rst'`");
    insta::assert_snapshot!(complaint("[[rule]]\nwhen = { endpoint = 'a.test:443' }\ndo = 'drop'"), @r#"x.toml:7: `a.test:443` is no endpoint: write "1.2.3.4:443", "[2001:db8::1]:443" or an address alone, in `when = { endpoint = 'a.test:443' }`"#);
    insta::assert_snapshot!(complaint("[[rule]]\nwhen = { sni = 'a.test' }"), @"x.toml:6: missing field `do`, in `[[rule]]`");
    insta::assert_snapshot!(complaint("[[host]]\nname = 'b'\naddresses = ['b']"), @"x.toml:8: invalid IP address syntax, in `addresses = ['b']`");
    insta::assert_snapshot!(complaint("[[host]]\nname = 'b'\naddresses = ['192.0.2.2']\ncertificate = 'bad'"), @"x.toml:9: unknown variant `bad`, expected one of `valid`, `expired`, `wrong-host`, `unknown-authority`, in `certificate = 'bad'`");
    insta::assert_snapshot!(complaint("[[rule"), @"x.toml:6: unclosed array table, expected `]]`, in `[[rule`");
}

#[test]
fn parts_that_do_not_fit_are_named_with_the_remedy() {
    insta::assert_snapshot!(complaint("[[host]]\nname = 'b.test'"), @r#"x.toml:6: b.test: it has no address: add addresses = ["192.0.2.1"] or cname = "another.host""#);
    insta::assert_snapshot!(complaint("[[host]]\nname = 'A.test'\naddresses = ['192.0.2.2']"), @"x.toml:6: A.test is named twice: give one host all its addresses");
    insta::assert_snapshot!(complaint("[[host]]\nname = 'b.test'\ncname = 'c.test'"), @"x.toml:6: b.test: cname c.test is no host's name: add a [[host]] with that name");
    insta::assert_snapshot!(complaint("[[host]]\nname = 'b.test'\ncname = 'a.test'\nhttp = [80]"), @"x.toml:6: b.test: it has a cname and serves something: let the host that has the addresses serve");
    insta::assert_snapshot!(complaint("[[host]]\nname = 'b.test'\naddresses = ['192.0.2.1']\nhttps = [80]"), @"x.toml:6: b.test: port 80 of 192.0.2.1 is taken by http: move https to another port");
    insta::assert_snapshot!(complaint("[[host]]\nname = 'b.test'\naddresses = ['127.0.0.1']"), @"x.toml:6: b.test: 127.0.0.1 is no address a host on the internet can have: use a unicast address");
    insta::assert_snapshot!(complaint("[[host]]\nname = 'b.test'\naddresses = ['192.0.2.2']\nstatus = 100"), @"x.toml:6: b.test: status 100 ends no HTTP request: use one from 200 to 599");
    insta::assert_snapshot!(complaint("[[host]]\nname = 'b.test'\naddresses = ['192.0.2.2']\nheaders = { 'a b' = 'c' }"), @"x.toml:6: b.test: `a b: c` is no HTTP header field: use visible ASCII, no space in the name");
    insta::assert_snapshot!(complaint("[[rule]]\nwhen = { sni = 'a.test' }\ndo = 'refuse'"), @"x.toml:6: `refuse` cannot be done to what this rule matches: refuse needs when = { endpoint = … }; reset is for names");
    insta::assert_snapshot!(complaint("[[rule]]\nwhen = { endpoint = '192.0.2.1' }\ndo = 'reset'"), @"x.toml:6: `reset` cannot be done to what this rule matches: reset needs when = { sni = … }, { host = … } or { dns = … }; refuse is for endpoints");
    insta::assert_snapshot!(complaint("[[rule]]\nwhen = { port = '853' }\ndo = 'drop'"), @r#"x.toml:7: `853` is no port: write "tcp/853" or "udp/443", in `when = { port = '853' }`"#);
    insta::assert_snapshot!(complaint("[[rule]]\nwhen = { dns = 'a.test' }\ndo = 'drop'\nreads = 'first-packet'"), @r#"x.toml:6: reads is said of a rule that reads no ClientHello: leave it out, or use when = { sni = … }, { quic_sni = … } or "ech""#);
    insta::assert_snapshot!(complaint("[[rule]]\nwhen = { port = 'udp/443' }\ndo = 'drop'\nresidual_seconds = 5"), @"x.toml:6: residual_seconds on a rule that blocks no names, or blocks for ever: use it with drop, reset or close, and not with endpoints and ports");
    insta::assert_snapshot!(complaint("[[rule]]\nwhen = { sni = 'a.test' }\ndo = 'drop'\ndelay_ms = 5"), @"x.toml:6: delay_ms on a rule that forges no DNS answer: leave it out; the world's own delay_ms stands at the top of the document");
    insta::assert_snapshot!(complaint("[[host]]\nname = 'b.test'\naddresses = ['192.0.2.2']\ndoh = true"), @"x.toml:6: b.test: doh without HTTPS or HTTP/3: add https = [443] or http3 = [443]");
    insta::assert_snapshot!(complaint("[[host]]\nname = 'b.test'\naddresses = ['192.0.2.2']\nech = { mode = 'accept', public_name = 'c.test' }"), @"x.toml:6: b.test: ech without HTTPS: add https = [443]");
    insta::assert_snapshot!(complaint("[[host]]\nname = 'b.test'\naddresses = ['192.0.2.2']\nrecords = { TXD = ['a'] }"), @"x.toml:6: b.test: `TXD` is no type of resource records: write TXT, NS, CAA, …");
    insta::assert_snapshot!(complaint("[[host]]\nname = 'b.test'\naddresses = ['192.0.2.2']\nrecords = { CAA = ['a'] }"), @"x.toml:6: b.test: `a` is no CAA record: write it as in a zone file, names with a final dot");
    insta::assert_snapshot!(complaint("[[rule]]\nwhen = { sni = 'a.test' }\ndo = { blockpage = 'no' }"), @"x.toml:6: `blockpage` cannot be done to what this rule matches: a blockpage needs when = { host = … }");
    insta::assert_snapshot!(complaint("[[rule]]\nwhen = { sni = 'a.test' }\ndo = { stun = '198.51.100.7:1' }"), @r#"x.toml:6: `stun` cannot be done to what this rule matches: a forged address needs when = { port = "udp/3478" } or { endpoint = … }"#);
    insta::assert_snapshot!(complaint("[[rule]]\nwhen = { dns = 'a.test' }\ndo = { reset_after_bytes = 5 }"), @r#"x.toml:6: `reset_after_bytes` cannot be done to what this rule matches: it needs when = { sni = … }, { host = … }, { endpoint = … } or { port = "tcp/443" }"#);
    insta::assert_snapshot!(complaint("[[rule]]\nwhen = { dns = 'a.test' }\ndo = { dns = [] }"), @r#"x.toml:6: an injected answer has no address: add one, or use do = "nxdomain""#);
    insta::assert_snapshot!(complaint("[[rule]]\nwhen = { sni = 'a.test' }\ndo = { throttle_bytes_per_second = 5 }"), @"x.toml:6: 5 bytes per second is less than one packet: allow 1000 or more; drop blocks all");
    insta::assert_snapshot!(complaint("[[host]]\nname = 'b.test'\naddresses = ['130.192.91.211']"), @"x.toml:6: b.test: 130.192.91.211 is the client's own address: give the host another one");
    insta::assert_snapshot!(complaint("[[host]]\nname = 'b.test'\naddresses = ['2001:760:0:211::2']"), @"x.toml:6: b.test: 2001:760:0:211::2 is the client's own address: give the host another one");
    insta::assert_snapshot!(complaint("[[host]]\nname = 'b.test'\naddresses = ['130.192.3.21']"), @r#"x.toml:6: b.test: 130.192.3.21 is the provider's resolver's address: give the host another one, or move the resolver: [resolver] address = "…""#);
    insta::assert_snapshot!(complaint("[resolver]\naddress = '130.192.91.211'"), @"x.toml:6: 130.192.91.211 is the client's own address: give the resolver another one");
    insta::assert_snapshot!(complaint("[resolver]\naddress = '0.0.0.0'"), @"x.toml:6: 0.0.0.0 is no address a resolver can have: give it a unicast address");
}

#[test]
fn answers_pages_and_programs_have_to_have_an_effect() {
    let with = |more: &str| {
        complaint(&format!(
            "[[host]]\nname = 'b.test'\naddresses = ['192.0.2.2']\n{more}"
        ))
    };
    insta::assert_snapshot!(with("page = 'a'"), @"x.toml:6: b.test: there is no page called a: add it under [pages]");
    insta::assert_snapshot!(with("page = 'a'\nrandom_bytes = 5"), @"x.toml:6: b.test: it has page and random_bytes: keep one");
    insta::assert_snapshot!(with("answers = [{ status = 308 }]"), @r#"x.toml:6: b.test: an answer fits every request: say to which path = "/…" or to = "client", or give the host status, headers and body"#);
    insta::assert_snapshot!(with("answers = [{ path = 'a' }]"), @"x.toml:6: b.test: `a` is no path of requests: begin it with a slash");
    insta::assert_snapshot!(with("answers = [{ path = '/', status = 99 }]"), @"x.toml:6: b.test: status 99 ends no HTTP request: use one from 200 to 599");
    insta::assert_snapshot!(with("answers = [{ path = '/', body = '', page = 'a' }]"), @"x.toml:6: b.test: an answer has body and page: keep one");
    insta::assert_snapshot!(with("answers = [{ to = 'them' }]"), @"x.toml:9: unknown variant `them`, expected one of `everybody`, `client`, `others`, in `answers = [{ to = 'them' }]`");
    insta::assert_snapshot!(with("http = [80]\nforward = [80]"), @"x.toml:6: b.test: port 80 of 192.0.2.2 is taken by http: move forward to another port");
    insta::assert_snapshot!(with("run = { command = [], ports = [1], resolver = '130.192.3.21' }"), @"x.toml:6: b.test: run has no command, or no ports: name the program and its arguments, and the ports it listens on");
    insta::assert_snapshot!(with("run = { command = ['true'], ports = [1], resolver = '8.8.8.8' }"), @"x.toml:6: b.test: nobody resolves names at 8.8.8.8: add a host with that address and dns = [53]");
}

/// A folder with a base.
fn on_a_base(own: &str) -> (tempfile::TempDir, Result<Scenario, netsonde_lab::ScenarioError>) {
    let base = "
        description = 'The base.'
        delay_ms = 7
        [resolver]
        address = '192.0.2.53'
        lies = { 'a.test' = 'nxdomain', 'b.test' = 'nxdomain' }
        [names]
        'c.test' = 'asker'
        [pages]
        one = '1'
        [[host]]
        name = 'a.test'
        addresses = ['192.0.2.1']
        http = [80]
        [[host]]
        name = 'b.test'
        addresses = ['192.0.2.2']
        page = 'one'
        [[rule]]
        name = 'below'
        when = { host = 'a.test' }
        do = 'drop'
    ";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("base.toml"), base).unwrap();
    let path = folder.path().join("own.toml");
    std::fs::write(&path, own).unwrap();
    let loaded = Scenario::load(&path);
    (folder, loaded)
}

#[test]
fn a_scenario_may_stand_on_another_one() {
    let (_folder, scenario) = on_a_base(
        "
        base = 'base.toml'
        description = 'Its own.'
        [resolver]
        lies = { 'b.test' = { dns = ['10.0.0.1'] } }
        [pages]
        two = '2'
        [[host]]
        name = 'b.test'
        addresses = ['192.0.2.3']
        page = 'two'
        [[host]]
        name = 'd.test'
        addresses = ['192.0.2.4']
        [[rule]]
        name = 'own'
        when = { host = 'b.test' }
        do = 'drop'
        ",
    );
    let scenario = scenario.unwrap();
    assert_eq!(
        (scenario.description.as_str(), scenario.delay_ms),
        ("Its own.", 7)
    );
    assert_eq!(scenario.resolver.address.to_string(), "192.0.2.53");
    assert_eq!(scenario.resolver.lies["a.test"], Claim::Nxdomain);
    assert!(matches!(scenario.resolver.lies["b.test"], Claim::Dns(_)));
    assert_eq!(scenario.names["c.test"], Claim::Asker);
    assert_eq!(scenario.pages.len(), 2);
    let hosts: Vec<_> = scenario
        .hosts
        .iter()
        .map(|host| (host.name.as_str(), host.addresses[0].to_string()))
        .collect();
    let address = |text: &str| text.to_owned();
    assert_eq!(
        hosts,
        [
            ("a.test", address("192.0.2.1")),
            ("b.test", address("192.0.2.3")),
            ("d.test", address("192.0.2.4"))
        ]
    );
    let rules: Vec<_> = scenario.rules.iter().map(|rule| rule.name.as_deref()).collect();
    assert_eq!(rules, [Some("own"), Some("below")]);
}

#[test]
fn mistakes_are_found_in_the_file_that_has_them() {
    let complaint = |own: &str| {
        let (folder, loaded) = on_a_base(own);
        let said = loaded.unwrap_err().to_string();
        said.replace(folder.path().to_str().unwrap(), "FOLDER")
    };
    insta::assert_snapshot!(complaint("base = 'base.toml'\n[[host]]\nname = 'd.test'"), @r#"FOLDER/own.toml:2: d.test: it has no address: add addresses = ["192.0.2.1"] or cname = "another.host""#);
    insta::assert_snapshot!(complaint("base = 'base.toml'\n[resolver]\naddress = '0.0.0.0'"), @"FOLDER/own.toml:2: 0.0.0.0 is no address a resolver can have: give it a unicast address");
    insta::assert_snapshot!(complaint("\nbase = 'bose.toml'"), @"FOLDER/own.toml:2: read its base FOLDER/bose.toml");
    insta::assert_snapshot!(complaint("base = 'own.toml'"), @"FOLDER/own.toml:1: a base has no base itself: put what is shared into one file, in `base = 'own.toml'`");
    insta::assert_snapshot!(complaint("base = 'base.toml'\n[[host]]\nname = 'first.test'\naliases = ['x.test']\naddresses = ['192.0.2.7']\n[[host]]\nname = 'X.test'\naddresses = ['192.0.2.8']"), @"FOLDER/own.toml:6: X.test is named twice: give one host all its addresses");
}

#[test]
fn a_resolver_at_an_address_of_the_scenarios_choice_may_be_a_host() {
    let text = "[resolver]\naddress = '192.0.2.1'\n[[host]]\nname = 'a.test'\naddresses = ['192.0.2.1']\nhttps = [443]";
    Scenario::from_toml("x.toml", text).unwrap();
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Scenario::load(Path::new("no/such/file.toml")).unwrap_err();
    // The cause is said once by whoever shows errors with their sources.
    insta::assert_snapshot!(error, @"read scenario no/such/file.toml");
    let cause = std::error::Error::source(&error).unwrap();
    insta::assert_snapshot!(cause, @"No such file or directory (os error 2)");
}
