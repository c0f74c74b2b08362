//! What the client sent, by where it went: for tests that something does not happen.

use crate::packet::{Transport, View};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How many packets went where. Clones share it: the router counts, the lab tells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent(Arc<Mutex<BTreeMap<String, u64>>>);

impl Sent {
    /// Count a packet of the client's.
    pub(crate) fn count(&self, packet: &[u8]) {
        let place = View::of(packet).map_or_else(|| "no IP packet".to_owned(), |view| place(&view));
        *self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(place)
            .or_default() += 1;
    }

    pub(crate) fn by_place(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// An endpoint; without ports, an address.
fn place(view: &View<'_>) -> String {
    let to = view.destination;
    match view.transport {
        Transport::Tcp(_) => format!("tcp {to}"),
        Transport::Udp => format!("udp {to}"),
        Transport::Other => format!("other {}", to.ip()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::udp;

    #[test]
    fn packets_are_counted_where_they_go() {
        let ends = (
            "192.0.2.1:4000".parse().unwrap(),
            "192.0.2.2:443".parse().unwrap(),
        );
        let (sent, packet) = (Sent::default(), udp(ends, b"?").unwrap());
        sent.count(&packet);
        sent.clone().count(&packet);
        sent.count(b"");
        let counted: Vec<_> = sent.by_place().into_iter().collect();
        assert_eq!(
            counted,
            [
                ("no IP packet".to_owned(), 1),
                ("udp 192.0.2.2:443".to_owned(), 2)
            ]
        );
    }
}
