//! A nettest that takes the steps that its target lists, so that a test can use any primitive without a guest of its
//! own. The steps are in the documentation of `netsonde-test-guests`.
//!
//! A list of steps is one transaction and has at most one open connection and one socket for datagrams. The first step that fails ends its list;
//! the lists run at the same time.

mod connections;
mod datagrams;
mod handshakes;
mod kept;
mod names;
mod read;

use std::{cell::RefCell, rc::Rc};

use futures::stream::{self, StreamExt as _};
use netsonde_guest::{Connection, Failure, Json, Map, Nettest, Target, Transaction, UdpSocket, begin, json};
use serde::Deserialize;

/// The nettest.
pub struct StepsNettest;

/// What to do.
#[derive(Deserialize)]
pub struct Options {
    steps: Vec<Vec<Step>>,
    /// How many lists are walked at a time; all of them when it is not said.
    parallelism: Option<usize>,
}

/// One step.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Step {
    Lookup(names::Lookup),
    Whose(names::Whose),
    Connect(connections::Connect),
    Quic(connections::QuicHandshake),
    Handshake(handshakes::Handshake),
    Session(handshakes::Session),
    Request(connections::Request),
    Write(connections::Write),
    Read(connections::Read),
    Keep(kept::Keep),
    Recall(kept::Key),
    Forget(kept::Key),
    Keys,
    SetTtl(connections::SetTtl),
    Send(datagrams::Send),
    Receive(datagrams::Receive),
}

/// What the steps of a list share.
struct Walk {
    transaction: Transaction,
    connection: RefCell<Option<Connection>>,
    /// The ECH configurations of the last HTTPS record that had any.
    ech_of_dns: RefCell<Option<Vec<u8>>>,
    /// Those of the last server that rejected ours.
    ech_to_retry: RefCell<Option<Vec<u8>>>,
    socket: RefCell<Option<Rc<UdpSocket>>>,
}

impl Walk {
    async fn take(&self, step: &Step) -> Result<Json, Failure> {
        match step {
            Step::Lookup(step) => step.take(self).await,
            Step::Whose(step) => Ok(step.take()),
            Step::Connect(step) => step.take(self).await,
            Step::Handshake(step) => step.take(self).await,
            Step::Quic(step) => step.take(self).await,
            Step::Session(step) => step.take(self).await,
            Step::Request(step) => step.take(self).await,
            Step::Write(step) => step.take(self).await,
            Step::Read(step) => step.take(self).await,
            Step::Keep(step) => step.take().await,
            Step::Recall(step) => step.recall().await,
            Step::Forget(step) => step.forget().await,
            Step::Keys => kept::keys().await,
            Step::SetTtl(step) => step.take(self).await,
            Step::Send(step) => step.take(self).await,
            Step::Receive(step) => step.take(self).await,
        }
    }

    /// The open connection; a list of steps without one makes no sense.
    fn connection(&self) -> Result<Connection, Failure> {
        let none = || {
            Failure::top_level(
                "invalid_argument",
                "no connection is open at this step".to_owned(),
            )
        };
        self.connection.borrow_mut().take().ok_or_else(none)
    }

    fn keep(&self, connection: Connection) {
        *self.connection.borrow_mut() = Some(connection);
    }
}

/// Take the steps of a list up to the first that fails.
async fn walk(steps: &[Step]) -> Json {
    let walk = Walk {
        transaction: begin(&[], None),
        connection: RefCell::default(),
        ech_of_dns: RefCell::default(),
        ech_to_retry: RefCell::default(),
        socket: RefCell::default(),
    };
    let mut answers = Vec::new();
    for step in steps {
        match walk.take(step).await {
            Ok(answer) => answers.push(answer),
            Err(failure) => {
                answers.push(json!({ "failure": failure.code, "operation": failure.operation }));
                break;
            }
        }
    }
    Json::Array(answers)
}

impl Nettest for StepsNettest {
    type Options = Options;

    async fn run(target: Target<Options>) -> Result<Map<String, Json>, Failure> {
        let lists = &target.options.steps;
        let parallelism = target.options.parallelism.unwrap_or(lists.len()).max(1);
        let walks = stream::iter(lists).map(|steps| walk(steps));
        let answers: Vec<Json> = walks.buffered(parallelism).collect().await;
        Ok(Map::from_iter([("answers".to_owned(), answers.into())]))
    }

    fn reduce(_: &Map<String, Json>) -> Result<Map<String, Json>, Failure> {
        Ok(Map::new())
    }
}

netsonde_guest::export_nettest!(StepsNettest);
