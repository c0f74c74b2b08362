//! What is measured when the script names nothing.

use netsonde_guest::{MiniTarget, json};

/// A service of Facebook Messenger.
pub(crate) struct Service {
    /// What its keys begin with.
    pub(crate) name: &'static str,
    /// Its domain.
    pub(crate) domain: &'static str,
    /// Its TCP port, or none where only the name is looked up.
    pub(crate) port: Option<u16>,
    /// The tag of mini nettests about it.
    pub(crate) tag: &'static str,
}

/// The services.
pub(crate) const SERVICES: [Service; 7] = [
    Service {
        name: "facebook_stun",
        domain: "stun.fbsbx.com",
        port: None,
        tag: "fbmessenger-stun",
    },
    Service::tcp("facebook_b_api", "b-api.facebook.com", "fbmessenger-b-api"),
    Service::tcp("facebook_b_graph", "b-graph.facebook.com", "fbmessenger-b-graph"),
    Service::tcp(
        "facebook_edge",
        "edge-mqtt.facebook.com",
        "fbmessenger-b-edge-mqtt",
    ),
    Service::tcp(
        "facebook_external_cdn",
        "external.xx.fbcdn.net",
        "fbmessenger-external-cdn",
    ),
    Service::tcp(
        "facebook_scontent_cdn",
        "scontent.xx.fbcdn.net",
        "fbmessenger-scontent-cdn",
    ),
    Service::tcp("facebook_star", "star.c10r.facebook.com", "fbmessenger-star"),
];

impl Service {
    const fn tcp(name: &'static str, domain: &'static str, tag: &'static str) -> Self {
        Self {
            name,
            domain,
            port: Some(443),
            tag,
        }
    }

    fn mini(&self) -> MiniTarget {
        match self.port {
            None => MiniTarget::new("dns-lookup@v1", self.tag, json!({ "domain": self.domain })),
            Some(port) => {
                let with = json!({ "domain": self.domain, "port": port });
                MiniTarget::new("tcp-connect-domain@v1", self.tag, with)
            }
        }
    }
}

/// A lookup of the name that is for calls, and a connection to each other service.
pub(crate) fn built_in() -> Vec<MiniTarget> {
    SERVICES.iter().map(Service::mini).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_is_looked_up_and_six_are_connected_to() {
        let targets = built_in();
        let run = |name: &str| targets.iter().filter(|target| target.run == name).count();
        assert_eq!(run("dns-lookup@v1"), 1);
        assert_eq!(run("tcp-connect-domain@v1"), 6);
        assert_eq!(targets.len(), 7);
    }
}
