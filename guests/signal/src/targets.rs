//! What is measured when the script names nothing, and whom Signal trusts.

use netsonde_guest::{MiniTarget, json};

/// The tag of mini nettests that fetch from a server.
pub(crate) const BACKEND_TAG: &str = "mini_nettest:backend";

/// The tag of the mini nettest that looks a name up.
pub(crate) const UPTIME_TAG: &str = "mini_nettest:uptime";

/// The name that is looked up.
pub(crate) const UPTIME_HOST: &str = "uptime.signal.org";

/// The servers.
const BACKENDS: [&str; 4] = [
    "cdsi.signal.org",
    "chat.signal.org",
    "sfu.voip.signal.org",
    "storage.signal.org",
];

/// Signal's own authorities, which no platform has. The first has expired, and is kept because the app keeps it.
const ROOTS: [&str; 2] = [
    include_str!("roots/text-secure.pem"),
    include_str!("roots/signal-messenger.pem"),
];

/// A page from each server, and the lookup. `other_roots` are trusted in place of Signal's, if there are any.
pub(crate) fn built_in(other_roots: &str) -> Vec<MiniTarget> {
    let roots = match other_roots {
        "" => ROOTS.to_vec(),
        other => vec![other],
    };
    let page = |host: &&str| {
        let with = json!({
            "domain": host,
            "port": 443,
            "http_method": "GET",
            "http_header_host": host,
            "tls_server_name": host,
            "extra_x509_certs": roots,
        });
        MiniTarget::new("https-domain@v1", BACKEND_TAG, with)
    };
    let uptime = MiniTarget::new("dns-lookup@v1", UPTIME_TAG, json!({ "domain": UPTIME_HOST }));
    BACKENDS.iter().map(page).chain([uptime]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    use sha2::{Digest as _, Sha256};

    #[test]
    fn the_authorities_are_those_that_signal_publishes() {
        let fingerprint = |pem: &&str| {
            let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
            let certificate = BASE64_STANDARD.decode(lines).unwrap();
            format!("{:X}", Sha256::digest(certificate))
        };
        assert_eq!(
            ROOTS.iter().map(fingerprint).collect::<Vec<_>>(),
            [
                "098FD5403F63FEF89FBA4CB4B98135CA2E73DC42C0ED03A377E8383F2D1FE9EA",
                "DDB0F92BB95C8D6FD202EA6E8CC5CCD182B544F8CD696F47D580659DDC9DF65A",
            ]
        );
    }

    #[test]
    fn four_servers_and_a_name_are_measured() {
        let targets = built_in("");
        assert_eq!(targets.len(), 5);
        assert_eq!(targets[0].with["extra_x509_certs"], json!(ROOTS));
        assert_eq!(
            targets[4].with,
            *json!({ "domain": UPTIME_HOST }).as_object().unwrap()
        );
    }

    #[test]
    fn other_roots_take_the_place_of_signals() {
        assert_eq!(built_in("other")[3].with["extra_x509_certs"], json!(["other"]));
    }
}
