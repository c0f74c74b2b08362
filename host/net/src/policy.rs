//! Where packets may go.
//!
//! [`Destinations`] is what a measurement was allowed, decided before it begins. `Net::admit` is asked right before
//! every connect and before the first datagram to an address, with the address that the socket is about to use: a name
//! that resolves to something else the second time gains nothing. What is refused says
//! `unknown_failure: denied by destination policy` and no more to the guest; why is in [`Refusal`], for the user.
//!
//! The rules, in this order, each in a file of its own: `ports`, `scope` (what kind of address, with `networks`),
//! `known` (whether this measurement may know the address, with `named` and `redirect`), the budget's ceilings, `pace`.

mod books;
mod class;
mod known;
pub(crate) mod named;
mod networks;
mod pace;
mod policed;
mod ports;
pub(crate) mod redirect;
mod scope;
mod told;

pub use books::Refusal;
pub use class::Class;
pub use named::Named;
pub use networks::Networks;
pub use pace::Pace;
pub use scope::Scope;

pub(crate) use policed::Policed;

use crate::{Net, NetError, guard::Guard};
use bytes::Bytes;
use netsonde_data::failure::{FailureCode, Operation};
use std::{collections::BTreeSet, fmt, net::SocketAddr, time::Instant};

/// What carries the packets, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// TCP, and what runs over it.
    Tcp,
    /// UDP, and what runs over it, except DNS.
    Udp,
    /// DNS queries over UDP, which the probe writes itself.
    Dns,
}

impl Transport {
    /// `tcp`, `udp` or `dns`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Dns => "dns",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where the packets of a measurement may go. The default is nowhere.
#[derive(Clone, Debug)]
pub enum Destinations {
    /// Everywhere, at any rate: for tests on loopback, and for whoever drives the primitives by hand.
    Unrestricted,
    /// Where the rules let them.
    Ruled(Box<Rules>),
}

impl Default for Destinations {
    fn default() -> Self {
        Self::Ruled(Box::default())
    }
}

/// What a measurement was allowed.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The classes of destinations that the manifest asked for.
    pub classes: BTreeSet<Class>,
    /// What the target names. Needed whatever the classes are: `derived` and `helpers` are about names too.
    pub targets: Named,
    /// The script's test helpers.
    pub helpers: Named,
    /// What the manifest names.
    pub fixed: Named,
    /// The scopes that the user allows.
    pub allowed: BTreeSet<Scope>,
    /// The networks that the device is in.
    pub networks: Networks,
    /// How fast. Shared by the measurements of a run.
    pub pace: Pace,
}

impl Rules {
    fn grants(&self, class: Class) -> bool {
        self.classes.contains(&class) || self.classes.contains(&Class::Any)
    }
}

impl Net {
    /// Whether packets may go to `to`, as far as that can be known now. It is asked again, whoever asks here, before a packet
    /// goes anywhere.
    pub fn allows(&self, transport: Transport, to: SocketAddr) -> bool {
        let rules = self.policed().rules();
        rules.is_none_or(|rules| self.policed().judge(rules, transport, to).is_ok())
    }

    /// Whether packets may go to `to`; waits where too many went there just now. Every operation asks right before it
    /// connects, and before its first datagram to an address. A refusal is for the caller to write down as the failure
    /// of its operation.
    pub(crate) async fn admit(&self, transport: Transport, to: SocketAddr) -> Result<(), NetError> {
        let Some(rules) = self.policed().rules() else {
            return Ok(());
        };
        if let Err(why) = self.policed().judge(rules, transport, to) {
            return Err(self.refuse(transport, to.to_string(), why));
        }
        let address = to.ip().to_canonical();
        let (addresses, ports) = self.policed().endpoint(address, to.port());
        self.meter().destinations(addresses, ports)?;
        let wait = rules.pace.reserve(transport, address, Instant::now());
        if !wait.is_zero() {
            // Whoever gives up while it waits gives its place back, or others would wait for nobody; and it has left an
            // observation, of which there may not be more than of any others.
            let place = Guard::new(|| {
                rules.pace.give_back(transport, address);
                self.meter().observation();
            });
            tokio::time::sleep(wait).await;
            place.disarm();
        }
        Ok(())
    }

    /// Whether one more datagram of `bytes` may go to `to`, which was admitted before. What has not answered yet gets
    /// a bounded number of them. That it has answered is learnt from `network_events`: a `read` over `udp`.
    pub(crate) fn admit_datagram(
        &self,
        transport: Transport,
        to: SocketAddr,
        bytes: usize,
    ) -> Result<(), NetError> {
        if self.policed().datagram(to, bytes) {
            return Ok(());
        }
        Err(self.refuse(
            transport,
            to.to_string(),
            "it has not answered, and was sent enough",
        ))
    }

    /// Whether a name may be looked up.
    pub(crate) fn admit_name(&self, name: &str) -> Result<(), NetError> {
        if self.policed().has_name(name) {
            return Ok(());
        }
        Err(self.refuse(Transport::Dns, name.to_owned(), NOT_ASKED_FOR))
    }

    /// A response may have led somewhere; `sent` is everything that the guest wrote into the request.
    pub(crate) fn redirected<'a>(
        &self,
        sent: impl IntoIterator<Item = &'a [u8]>,
        status: u16,
        headers: &[(String, Bytes)],
    ) {
        self.policed().redirected(sent, status, headers);
    }

    /// What was refused so far, and how often something was refused that is not listed, because the list is full.
    pub fn refusals(&self) -> (Vec<Refusal>, u64) {
        self.policed().refusals()
    }

    /// Refuse. It is an observation like others: that there are not too many of them, the budget sees to.
    fn refuse(&self, transport: Transport, destination: String, why: &'static str) -> NetError {
        self.meter().observation();
        let (operation, doing) = match transport {
            Transport::Tcp => (Operation::Connect, "connect to"),
            Transport::Udp => (Operation::WriteTo, "send to"),
            Transport::Dns => (Operation::Resolve, "ask"),
        };
        let doing = format!("{doing} {destination}");
        self.policed().refuse(transport, destination, why);
        NetError::failed(denied(), operation, &doing)
    }
}

const NOT_ASKED_FOR: &str = "the nettest did not ask for it";

/// The failure of what was refused.
fn denied() -> FailureCode {
    FailureCode::unknown("denied by destination policy")
}
