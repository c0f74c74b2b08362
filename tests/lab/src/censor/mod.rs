//! The censor on the path: looks at every packet between the client and the world, one flow at a time.
//!
//! Pure code: packets and the time go in, verdicts come out, and the router does as they say. The censor stands
//! next to the client, so what it sends there arrives at once, and what it sends to the world takes the delay.
//!
//! `rules` matches names and endpoints, `flow` keeps what is known of each flow, `http` reads the name in a
//! cleartext request, `quic` decrypts the first packets of QUIC, `residual` remembers who is punished, `throttle` is the token bucket.

mod flow;
mod http;
mod quic;
mod residual;
mod rules;
mod throttle;

pub(crate) use self::http::{host, without_port};

use crate::dns::Statement;
use crate::icmp;
use crate::packet::{self, Flags, SEGMENT, Tcp, Transport, View};
use crate::scenario::{Action, Hop, Rule, When};
use crate::servers::stun;
use flow::Flows;
use residual::Residual;
use rules::Clues;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Where a packet comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    FromClient,
    FromWorld,
}

/// What becomes of a packet, and what the censor sends on its own.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) pass: Pass,
    /// How long the censor takes for what it sends to the client.
    pub(crate) pause: Duration,
    pub(crate) to_client: Vec<Vec<u8>>,
    pub(crate) to_world: Vec<Vec<u8>>,
}

/// Whether a packet travels on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    Now,
    At(Instant),
    Never,
}

impl Verdict {
    fn pass(pass: Pass) -> Self {
        Self {
            pass,
            pause: Duration::ZERO,
            to_client: Vec::new(),
            to_world: Vec::new(),
        }
    }
}

/// On how many flows each rule acted, in the order of the rules.
pub(crate) type Hits = Arc<[AtomicU64]>;

/// The rules and what is known of every flow.
pub(crate) struct Censor {
    rules: Vec<Rule>,
    hits: Hits,
    flows: Flows,
    residual: Residual,
    /// The router that the censor's ICMP errors come from.
    router: Option<Hop>,
}

impl Censor {
    pub(crate) fn new(rules: Vec<Rule>, router: Option<Hop>) -> Self {
        let hits = rules.iter().map(|_| AtomicU64::new(0)).collect();
        Self {
            rules,
            hits,
            flows: Flows::default(),
            residual: Residual::default(),
            router,
        }
    }

    /// The counters, to be read while the censor works.
    pub(crate) fn hits(&self) -> Hits {
        Arc::clone(&self.hits)
    }

    /// Judges one packet.
    pub(crate) fn inspect(&mut self, direction: Direction, packet: &[u8], now: Instant) -> Verdict {
        let unharmed = Verdict::pass(Pass::Now);
        if self.rules.is_empty() {
            return unharmed;
        }
        let Some(view) = View::of(packet) else {
            return unharmed;
        };
        let Some(flow) = self.flows.of(direction, &view, now) else {
            return unharmed;
        };
        let is_tcp = matches!(view.transport, Transport::Tcp(_));
        let punished = self.residual.rule(direction, &view, now);
        let mut trigger = None;
        let governing = match (direction, flow.rule.or(punished)) {
            // A connection is judged once; datagrams with names one by one, so that one socket may ask for several.
            (_, Some(rule)) => Some(rule),
            (Direction::FromWorld, None) => None,
            (Direction::FromClient, None) => {
                let clues = trigger.insert(flow.read(&view));
                self.rules
                    .iter()
                    .position(|rule| rules::matches(rule, &view, clues))
            }
        };
        let Some((index, rule)) = governing.and_then(|index| Some((index, self.rules.get(index)?))) else {
            return unharmed;
        };
        let is_punished = flow.rule.is_none() && punished.is_some();
        if !is_punished && (is_tcp || !matches!(rule.when, When::Dns(_))) {
            flow.rule = Some(index);
        }
        if flow.is_first_act_of(index)
            && let Some(hits) = self.hits.get(index)
        {
            hits.fetch_add(1, Ordering::Relaxed);
        }
        if trigger.is_some() && rule.residual_seconds > 0 {
            self.residual
                .begin(&view, index, now + Duration::from_secs(rule.residual_seconds));
        }
        match (&rule.action, direction) {
            (Action::ThrottleBytesPerSecond(rate), _) => {
                let at = flow.bucket(direction, *rate).admit(packet.len(), now);
                Verdict::pass(at.map_or(Pass::Never, Pass::At))
            }
            (Action::ResetAfterBytes(limit), _) => flow.carry(direction, &view, *limit),
            (Action::Icmp(what), Direction::FromClient) => {
                let ends = (view.source.ip(), view.destination.ip());
                let router = self.router.as_ref().and_then(|hop| hop.address(ends.0));
                let error = icmp::Error::Unreachable(*what);
                let mut verdict = Verdict::pass(Pass::Never);
                let answer = icmp::error(router.unwrap_or(ends.1), ends.0, packet, error);
                verdict.to_client.extend(answer);
                verdict
            }
            (Action::Reset | Action::Close, Direction::FromClient) if is_punished => {
                act(&Action::Refuse, &view, None)
            }
            (action, Direction::FromClient) => {
                let mut verdict = act(action, &view, trigger.as_ref());
                verdict.pause = Duration::from_millis(rule.delay_ms);
                verdict
            }
            (_, Direction::FromWorld) => Verdict::pass(Pass::Never),
        }
    }
}

/// Acts on a packet of the client's in a governed flow; `trigger` is what it was recognised by, nothing for the
/// packets after the one that was.
fn act(action: &Action, view: &View<'_>, trigger: Option<&Clues>) -> Verdict {
    let mut verdict = Verdict::pass(Pass::Never);
    let back = (view.destination, view.source);
    let header = match view.transport {
        Transport::Tcp(header) => header,
        Transport::Udp => {
            if let Action::Stun(address) = action
                && let Some(answer) = stun::respond(view.payload, *address)
            {
                verdict.to_client.extend(packet::udp(back, &answer));
            } else if let Some(answer) = lie(action, trigger) {
                verdict.pass = Pass::Now;
                verdict.to_client.extend(packet::udp(back, &answer));
            }
            return verdict;
        }
        Transport::Other => return verdict,
    };
    let segment = Segment { view, header };
    match action {
        Action::Refuse if header.syn => verdict.to_client.extend(segment.to_client(Flags::Reset)),
        Action::Reset if trigger.is_some() => {
            verdict.to_client.extend(segment.to_client(Flags::Reset));
            verdict.to_world.extend(segment.to_world(Flags::Reset));
        }
        Action::Close if trigger.is_some() => {
            verdict.to_client.extend(segment.to_client(Flags::Fin));
            verdict.to_world.extend(segment.to_world(Flags::Fin));
        }
        Action::Blockpage(page) if trigger.is_some() => {
            verdict.to_client = segment.stream_to_client(http::response(page).as_bytes());
            verdict.to_world.extend(segment.to_world(Flags::Reset));
        }
        Action::Response(bytes) if trigger.is_some() => {
            verdict.to_client = segment.stream_to_client(bytes.as_bytes());
            verdict.to_world.extend(segment.to_world(Flags::Reset));
        }
        Action::Dns(_) | Action::Nxdomain | Action::Rcode(_) => {
            if let Some(answer) = lie(action, trigger)
                && let Ok(length) = u16::try_from(answer.len())
            {
                let mut framed = length.to_be_bytes().to_vec();
                framed.extend(answer);
                verdict.to_client = segment.stream_to_client(&framed);
                verdict.to_world.extend(segment.to_world(Flags::Reset));
            }
        }
        _ => (),
    }
    verdict
}

/// The forged answer to the query that triggered a rule.
fn lie(action: &Action, trigger: Option<&Clues>) -> Option<Vec<u8>> {
    let question = trigger?.question.as_ref()?;
    match action {
        Action::Dns(addresses) => question.answer(Statement::Known(&[], addresses, &[])),
        Action::Nxdomain => question.answer(Statement::Nxdomain),
        Action::Rcode(rcode) => question.answer(Statement::Failed(*rcode)),
        _ => None,
    }
}

/// A TCP segment of the client's, and what can be forged from its numbers.
struct Segment<'a> {
    view: &'a View<'a>,
    header: Tcp,
}

impl Segment<'_> {
    /// The sequence number after the segment.
    fn end(&self) -> u32 {
        // A segment is shorter than 64 KiB.
        let length = u32::try_from(self.view.payload.len()).unwrap_or_default();
        let flags = u32::from(self.header.syn) + u32::from(self.header.fin);
        self.header.sequence.wrapping_add(length).wrapping_add(flags)
    }

    /// Speaks to the client as the server would, acknowledging the segment.
    fn to_client(&self, flags: Flags) -> Option<Vec<u8>> {
        let ends = (self.view.destination, self.view.source);
        packet::tcp(ends, (self.header.acknowledgment, self.end()), flags, &[])
    }

    /// Speaks to the server as the client would in the place of this segment.
    fn to_world(&self, flags: Flags) -> Option<Vec<u8>> {
        let ends = (self.view.source, self.view.destination);
        packet::tcp(
            ends,
            (self.header.sequence, self.header.acknowledgment),
            flags,
            &[],
        )
    }

    /// Sends the client a whole stream and its end.
    fn stream_to_client(&self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let ends = (self.view.destination, self.view.source);
        let mut sequence = self.header.acknowledgment;
        let mut packets = Vec::new();
        let mut chunks = bytes.chunks(SEGMENT).peekable();
        while let Some(chunk) = chunks.next() {
            let flags = if chunks.peek().is_some() {
                Flags::Push
            } else {
                Flags::PushFin
            };
            packets.extend(packet::tcp(ends, (sequence, self.end()), flags, chunk));
            sequence = sequence.wrapping_add(u32::try_from(chunk.len()).unwrap_or_default());
        }
        packets
    }
}
