//! What is between the two wires: a thread that delays packets and lets the censor and the hops see them.
//!
//! The censor stands at the client's end of the delay: it sees the client's packets when they are sent and the
//! world's when they arrive.

use crate::censor::{Censor, Direction, Pass};
use crate::hops::{Fate, Hops};
use crate::link::Link;
use crate::sent::Sent;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::eventfd::EventFd;
use nix::sys::time::TimeSpec;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many packets are read from one wire before the other gets its turn.
const TURN: usize = 64;

/// Both wires and what is between them.
pub(crate) struct Router {
    pub(crate) client: Link,
    pub(crate) world: Link,
    pub(crate) censor: Censor,
    pub(crate) hops: Hops,
    pub(crate) delay: Duration,
    pub(crate) sent: Sent,
    /// Readable when the lab ends.
    pub(crate) stop: Arc<EventFd>,
}

/// Where a packet goes when its time has come.
enum Bound {
    /// The world.
    World,
    /// From the world to the censor.
    Censor,
    /// The client.
    Client,
}

/// Packets under way, by time and then in the order in which they came.
#[derive(Default)]
struct Queue {
    packets: BTreeMap<(Instant, u64), (Bound, Vec<u8>)>,
    count: u64,
}

impl Queue {
    fn push(&mut self, at: Instant, bound: Bound, packet: Vec<u8>) {
        self.count = self.count.wrapping_add(1);
        self.packets.insert((at, self.count), (bound, packet));
    }

    /// The first packet whose time has come.
    fn pop(&mut self, now: Instant) -> Option<(Bound, Vec<u8>)> {
        let first = self.packets.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    fn next(&self) -> Option<Instant> {
        self.packets.first_key_value().map(|((at, _), _)| *at)
    }
}

impl Router {
    /// Forwards until the lab ends.
    pub(crate) fn run(mut self) -> io::Result<()> {
        let mut queue = Queue::default();
        let mut packet = Vec::new();
        loop {
            while let Some((bound, packet)) = queue.pop(Instant::now()) {
                match bound {
                    Bound::World => self.world.write(&packet),
                    Bound::Client => self.client.write(&packet),
                    Bound::Censor => self.judge(Direction::FromWorld, packet, &mut queue),
                }
            }
            let [client, world, stop] = self.wait(queue.next())?;
            if stop {
                return Ok(());
            }
            for _ in 0..TURN {
                if !client || !self.client.read(&mut packet)? {
                    break;
                }
                self.sent.count(&packet);
                self.judge(Direction::FromClient, packet.clone(), &mut queue);
            }
            for _ in 0..TURN {
                if !world || !self.world.read(&mut packet)? {
                    break;
                }
                if let Some(packet) = self.hops.back(packet.clone()) {
                    queue.push(Instant::now() + self.delay, Bound::Censor, packet);
                }
            }
        }
    }

    /// Waits until a wire has a packet, a packet's time has come, or the lab ends; says which of the descriptors
    /// is readable.
    fn wait(&self, until: Option<Instant>) -> io::Result<[bool; 3]> {
        let timeout = until.map(|at| TimeSpec::from(at.saturating_duration_since(Instant::now())));
        let mut descriptors = [self.client.as_fd(), self.world.as_fd(), self.stop.as_fd()]
            .map(|descriptor| PollFd::new(descriptor, PollFlags::POLLIN));
        match ppoll(&mut descriptors, timeout, None) {
            Ok(_) => Ok(descriptors.map(|descriptor| descriptor.any().unwrap_or(true))),
            Err(Errno::EINTR) => Ok([false; 3]),
            Err(error) => Err(error.into()),
        }
    }

    /// Shows a packet to the censor and does what it says.
    fn judge(&mut self, direction: Direction, packet: Vec<u8>, queue: &mut Queue) {
        let now = Instant::now();
        let verdict = self.censor.inspect(direction, &packet, now);
        let passes = match verdict.pass {
            Pass::Now => Some(now),
            Pass::At(at) => Some(at),
            Pass::Never => None,
        };
        match (direction, passes) {
            (Direction::FromClient, Some(at)) => match self.hops.forth(packet) {
                Fate::Through(packet) => queue.push(at + self.delay, Bound::World, packet),
                Fate::Ends(Some((after, answer))) => queue.push(at + after, Bound::Client, answer),
                Fate::Ends(None) => (),
            },
            (Direction::FromWorld, Some(at)) => queue.push(at, Bound::Client, packet),
            (_, None) => (),
        }
        for forged in verdict.to_client {
            queue.push(now + verdict.pause, Bound::Client, forged);
        }
        for forged in verdict.to_world {
            queue.push(now + self.delay, Bound::World, forged);
        }
    }
}
