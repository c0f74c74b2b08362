//! What is measured when the script names nothing.

use netsonde_guest::{MiniTarget, json};

/// The web client's host.
pub(crate) const WEB_HOST: &str = "web.telegram.org";

/// The tag of mini nettests that fetch from the web client.
pub(crate) const WEB_TAG: &str = "mini_nettest:web";

/// The tag of mini nettests that fetch from a data centre.
pub(crate) const DC_TAG: &str = "mini_nettest:dc";

/// The data centres.
const DATA_CENTRES: [&str; 6] = [
    "149.154.175.50",
    "149.154.167.51",
    "149.154.175.100",
    "149.154.167.91",
    "149.154.171.5",
    "95.161.76.100",
];

/// The web client, and every data centre at both ports, cleartext at both.
pub(crate) fn built_in() -> Vec<MiniTarget> {
    let web = MiniTarget::new(
        "https-domain@v1",
        WEB_TAG,
        json!({
            "domain": WEB_HOST,
            "port": 443,
            "http_method": "GET",
            "http_header_host": WEB_HOST,
            "tls_server_name": WEB_HOST,
        }),
    );
    let data_centres = DATA_CENTRES.into_iter().flat_map(|address| {
        [80, 443].map(|port| {
            let with = json!({ "ip_address": address, "port": port, "http_method": "POST" });
            MiniTarget::new("http-address@v1", DC_TAG, with)
        })
    });
    std::iter::once(web).chain(data_centres).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_web_client_and_six_data_centres_at_two_ports_are_measured() {
        let targets = built_in();
        assert_eq!(targets.len(), 13);
        assert_eq!(
            targets.iter().filter(|target| target.tags == [DC_TAG]).count(),
            12
        );
        assert_eq!(
            targets.iter().filter(|target| target.tags == [WEB_TAG]).count(),
            1
        );
    }
}
