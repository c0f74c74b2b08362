//! What the censor remembers of each flow: the beginning of what the client sent, the rule that governs it, how
//! fast and how far it may go.

use super::http;
use super::quic::Initials;
use super::rules::{Clues, Hello, Hellos};
use super::throttle::Bucket;
use super::{Direction, Pass, Verdict};
use crate::dns::Question;
use crate::packet::{self, Flags, Transport, View};
use crate::tls::records::{self, Beginning};
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How much of a connection's beginning is looked at: the largest TLS record.
const PREFIX: usize = 16 * 1024;
/// How many flows are kept before idle ones are forgotten.
const MANY: usize = 4096;
/// How long a flow must be silent to be forgotten, or, for datagrams, to be another flow.
const IDLE: Duration = Duration::from_mins(2);
/// The port on which DNS is recognised.
const DNS: u16 = 53;

/// Protocol, client and far end of a flow.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    protocol: Protocol,
    client: SocketAddr,
    remote: SocketAddr,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Protocol {
    Tcp,
    Udp,
    Other,
}

/// All flows of the client's.
#[derive(Default)]
pub(super) struct Flows(HashMap<Key, Flow>);

impl Flows {
    /// The flow of a packet. Only the client begins flows.
    pub(super) fn of(&mut self, direction: Direction, view: &View<'_>, now: Instant) -> Option<&mut Flow> {
        let protocol = match view.transport {
            Transport::Tcp(_) => Protocol::Tcp,
            Transport::Udp => Protocol::Udp,
            Transport::Other => Protocol::Other,
        };
        if direction == Direction::FromWorld {
            return self.0.get_mut(&Key {
                protocol,
                client: view.destination,
                remote: view.source,
            });
        }
        if self.0.len() >= MANY {
            self.0.retain(|_, flow| now.duration_since(flow.last_seen) < IDLE);
        }
        let key = Key {
            protocol,
            client: view.source,
            remote: view.destination,
        };
        let flow = self.0.entry(key).or_insert_with(|| Flow::new(now));
        let begins_anew = match view.transport {
            // The same initial sequence number again is the same connection trying again.
            Transport::Tcp(header) => header.syn && flow.initial != Some(header.sequence),
            Transport::Udp | Transport::Other => now.duration_since(flow.last_seen) >= IDLE,
        };
        if begins_anew {
            *flow = Flow::new(now);
        }
        if let Transport::Tcp(header) = view.transport
            && header.syn
        {
            flow.initial = Some(header.sequence);
        }
        flow.last_seen = now;
        Some(flow)
    }
}

/// One flow.
pub(super) struct Flow {
    /// The rule that governs all of it, if one does.
    pub(super) rule: Option<usize>,
    /// The rules that acted on it.
    counted: BTreeSet<usize>,
    /// The initial sequence number of the client's side.
    initial: Option<u32>,
    /// The sequence number the prefix goes on with.
    next: Option<u32>,
    /// The beginning of what the client sent.
    prefix: Vec<u8>,
    /// The same of QUIC.
    initials: Initials,
    has_datagrams: bool,
    /// How many bytes have come from the world, where somebody counts them.
    carried: u64,
    /// How fast it may go: from the client, from the world.
    buckets: [Option<Bucket>; 2],
    last_seen: Instant,
}

impl Flow {
    fn new(now: Instant) -> Self {
        Self {
            rule: None,
            counted: BTreeSet::new(),
            initial: None,
            next: None,
            prefix: Vec::new(),
            initials: Initials::default(),
            has_datagrams: false,
            carried: 0,
            buckets: [None, None],
            last_seen: now,
        }
    }

    /// Takes in a packet of the client's; returns what is known by now.
    pub(super) fn read(&mut self, view: &View<'_>) -> Clues {
        let to_dns = view.destination.port() == DNS;
        let header = match view.transport {
            Transport::Tcp(header) => header,
            Transport::Udp => {
                let question = to_dns.then(|| Question::read(view.payload)).flatten();
                return Clues {
                    question,
                    quic: self.read_quic(view.payload),
                    ..Clues::default()
                };
            }
            Transport::Other => return Clues::default(),
        };
        if header.syn {
            self.next = Some(header.sequence.wrapping_add(1));
        }
        if view.payload.is_empty() || self.prefix.len() > PREFIX {
            return Clues::default();
        }
        let is_first = self.prefix.is_empty();
        self.append(header.sequence, view.payload);
        if to_dns {
            // Over TCP, two bytes of length come before the message (RFC 1035, section 4.2.2).
            let question = self.prefix.get(2..).and_then(Question::read);
            return Clues {
                question,
                ..Clues::default()
            };
        }
        Clues {
            tls: hellos(&records::client_hello(&self.prefix), is_first),
            host: http::host(&self.prefix),
            ..Clues::default()
        }
    }

    /// Takes in a datagram that may be QUIC's.
    fn read_quic(&mut self, datagram: &[u8]) -> Hellos {
        let is_first = !std::mem::replace(&mut self.has_datagrams, true);
        self.initials
            .read(datagram)
            .map(|message| hellos(&records::body(&message), is_first))
            .unwrap_or_default()
    }

    /// Puts a segment behind what is there: a repeated part is left out, what comes too early is not waited for,
    /// for the client will repeat it if the censor let it pass by.
    fn append(&mut self, sequence: u32, payload: &[u8]) {
        let next = self.next.unwrap_or(sequence);
        let repeated = usize::try_from(next.wrapping_sub(sequence)).unwrap_or(usize::MAX);
        let Some(new) = payload.get(repeated..) else {
            return;
        };
        self.prefix.extend_from_slice(new);
        self.next = Some(next.wrapping_add(u32::try_from(new.len()).unwrap_or_default()));
    }

    /// Whether a rule acts on this flow for the first time.
    pub(super) fn is_first_act_of(&mut self, rule: usize) -> bool {
        self.counted.insert(rule)
    }

    /// Lets packets pass until so many bytes have come from the world; resets both ends with the one that is too much.
    pub(super) fn carry(&mut self, direction: Direction, view: &View<'_>, limit: u64) -> Verdict {
        let is_over = self.carried > limit;
        let length = u64::try_from(view.payload.len()).unwrap_or(u64::MAX);
        if direction == Direction::FromWorld {
            self.carried = self.carried.saturating_add(length);
        }
        if self.carried <= limit {
            return Verdict::pass(Pass::Now);
        }
        let mut verdict = Verdict::pass(Pass::Never);
        if let Transport::Tcp(header) = view.transport
            && !is_over
        {
            let ends = (view.source, view.destination);
            let numbers = (header.sequence, header.acknowledgment);
            verdict
                .to_client
                .extend(packet::tcp(ends, numbers, Flags::Reset, &[]));
            let (ends, numbers) = ((ends.1, ends.0), (numbers.1, numbers.0));
            verdict
                .to_world
                .extend(packet::tcp(ends, numbers, Flags::Reset, &[]));
        }
        verdict
    }

    /// The token bucket of one direction.
    pub(super) fn bucket(&mut self, direction: Direction, rate: u64) -> &mut Bucket {
        let [from_client, from_world] = &mut self.buckets;
        let bucket = match direction {
            Direction::FromClient => from_client,
            Direction::FromWorld => from_world,
        };
        bucket.get_or_insert_with(|| Bucket::new(rate))
    }
}

/// What is known of a `ClientHello` when this much of it is there.
fn hellos(beginning: &Beginning, is_first: bool) -> Hellos {
    let (body, is_whole) = match beginning {
        Beginning::Whole { body, .. } => (body, true),
        Beginning::Partial(body) => (body, false),
        Beginning::Other => return Hellos::default(),
    };
    let read = |wanted: bool| wanted.then(|| Hello::read(body)).flatten();
    Hellos {
        whole: read(is_whole),
        first: read(is_first),
        is_only_begun: is_first && !is_whole,
    }
}
