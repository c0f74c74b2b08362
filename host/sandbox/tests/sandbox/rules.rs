//! The host rules without which async guests are not safe, a test each.

use std::time::{Duration, Instant};

use netsonde_data::failure::FailureCode;
use netsonde_data::observation::NetworkEvent;
use netsonde_sandbox::RunError;
use serde_json::json;

use crate::servers::{black_hole, echo, silent, slow};
use crate::support::{hostile, with_minis};

/// What was done, without the samples of the kernel's books that are taken meanwhile.
fn steps(events: &[NetworkEvent]) -> impl DoubleEndedIterator<Item = &NetworkEvent> {
    events.iter().filter(|event| event.operation != "x_tcp_info")
}

/// A dropped call closes what it held, the trace says so, and the guest goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_the_guest_drops_is_interrupted_and_the_guest_goes_on() {
    let mut server = echo();
    let seen = hostile(&json!({ "mode": "cancel", "endpoint": server.text() }))
        .run()
        .await;
    assert_eq!(json!(seen.keys()), json!({ "waiting": true, "echo": true }));
    let events = &seen.observations.network_events;
    let interrupted: Vec<_> = events
        .iter()
        .filter(|event| event.failure == Some(FailureCode::INTERRUPTED))
        .collect();
    assert_eq!(interrupted.len(), 1, "{events:?}");
    assert_eq!(interrupted[0].operation, "read");
    server.connections(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connect_that_the_guest_drops_is_in_the_trace() {
    let (endpoint, _full) = black_hole().await;
    let seen = hostile(&json!({ "mode": "cancel_connect", "endpoint": endpoint.to_string() }))
        .run()
        .await;
    assert_eq!(json!(seen.keys()), json!({ "waiting": true }));
    let connects = &seen.observations.tcp_connect;
    assert_eq!(connects.len(), 1);
    assert_eq!(connects[0].status.failure, Some(FailureCode::INTERRUPTED));
}

/// Rule 1: the store goes at once, and with it everything that was waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trap_with_calls_in_flight_leaves_no_socket_open() {
    let mut server = silent();
    let options = json!({ "mode": "trap_in_flight", "endpoint": server.text(), "count": 20 });
    let seen = hostile(&options).run().await;
    let RunError::Trap { module, .. } = seen.error() else {
        panic!("{:?}", seen.report.result)
    };
    assert_eq!(module, "hostile");
    server.connections(0).await;
    let connects = &seen.observations.tcp_connect;
    assert_eq!(connects.len(), 20, "what was observed before the trap is kept");
    let events = &seen.observations.network_events;
    let interrupted = events
        .iter()
        .filter(|event| event.operation == "read" && event.failure == Some(FailureCode::INTERRUPTED));
    assert_eq!(
        interrupted.count(),
        20,
        "the trace is complete when the run is over: {events:?}"
    );
}

/// Rule 2: the timeout stands outside.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_waits_for_ever_is_stopped_by_the_wall_clock() {
    let mut server = silent();
    let begun = Instant::now();
    let seen = hostile(&json!({ "mode": "hang", "endpoint": server.text() }))
        .budget(|budget| budget.wall_clock = Duration::from_millis(300))
        .run()
        .await;
    let RunError::Timeout { module, limit } = seen.error() else {
        panic!("{:?}", seen.report.result)
    };
    assert_eq!((module.as_str(), *limit), ("hostile", Duration::from_millis(300)));
    assert_eq!(seen.error().failure().code, FailureCode::GENERIC_TIMEOUT_ERROR);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    server.connections(0).await;
    let last = steps(&seen.observations.network_events).last().unwrap();
    assert_eq!(
        (last.operation.as_str(), &last.failure),
        ("read", &Some(FailureCode::INTERRUPTED))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_waits_for_nothing_is_stopped_or_found_out() {
    let seen = hostile(&json!({ "mode": "pending" }))
        .budget(|budget| budget.wall_clock = Duration::from_millis(300))
        .run()
        .await;
    assert!(
        matches!(seen.error(), RunError::Timeout { .. } | RunError::Trap { .. }),
        "{:?}",
        seen.error()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_a_run_closes_its_sockets() {
    let mut server = silent();
    let attempt = hostile(&json!({ "mode": "hang", "endpoint": server.text() }));
    let trace = attempt.trace.clone();
    let run = tokio::spawn(attempt.run());
    server.connections(1).await;
    // Long enough for the guest to begin to read.
    tokio::time::sleep(Duration::from_secs(1)).await;
    run.abort();
    assert!(run.await.is_err_and(|error| error.is_cancelled()));
    server.connections(0).await;
    let events = trace.observations().network_events;
    assert_eq!(
        steps(&events).last().unwrap().failure,
        Some(FailureCode::INTERRUPTED),
        "{events:?}"
    );
}

/// The connect of the mode `busy` takes about a second, and the guest computes for two: if anybody had waited for the
/// guest, the connect would read two.
async fn connect_of_a_busy_guest() {
    let endpoint = slow().await.to_string();
    let options = json!({ "mode": "busy", "endpoint": endpoint, "count": 2000 });
    let seen = hostile(&options).run().await;
    assert!(seen.keys()["busy_ns"].as_u64().unwrap() >= 2_000_000_000);
    let connect = &seen.observations.tcp_connect[0];
    let took = connect.t - connect.t0;
    assert!((0.5..1.7).contains(&took), "the connect took {took} s");
}

/// Rule 3: sockets and their timestamps are looked after while the guest computes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timestamps_do_not_suffer_while_their_own_guest_is_busy() {
    connect_of_a_busy_guest().await;
}

/// The same on one thread, where guest and sockets have to take turns.
#[test]
fn timestamps_do_not_suffer_on_a_single_thread() {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.event_interval(1).enable_all().build().unwrap();
    runtime.block_on(connect_of_a_busy_guest());
}

/// A quick operation beside guests that do nothing but compute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timestamps_do_not_suffer_while_other_guests_are_busy() {
    let server = echo();
    let busy: Vec<_> = (0..3)
        .map(|_| {
            let attempt = hostile(&json!({ "mode": "loop" }));
            tokio::spawn(
                attempt
                    .budget(|budget| budget.cpu = Duration::from_millis(600))
                    .run(),
            )
        })
        .collect();
    let options = json!({ "mode": "connect_many", "endpoint": server.text(), "count": 1 });
    let mut times = Vec::new();
    while !busy.iter().all(tokio::task::JoinHandle::is_finished) {
        let seen = hostile(&options).run().await;
        let connect = &seen.observations.tcp_connect[0];
        times.push(connect.t - connect.t0);
    }
    times.sort_by(f64::total_cmp);
    let usual = times[times.len() / 2];
    assert!(
        usual < 0.06,
        "usually a loopback connect took {usual} s: {times:?}"
    );
}

/// Rule 4: nested runs are tasks of their own, and run at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mini_nettests_wait_at_the_same_time() {
    let mut server = silent();
    let hang = (
        "hostile-mini@v1",
        json!({ "mode": "hang", "endpoint": server.text() }),
    );
    let run = tokio::spawn(
        with_minis(8, &vec![hang; 8])
            .budget(|budget| budget.wall_clock = Duration::from_secs(5))
            .run(),
    );
    server.connections(8).await;
    let seen = run.await.unwrap();
    assert!(seen.report.result.is_ok(), "{:?}", seen.report.result);
    server.connections(0).await;
}

/// Rule 5: epochs make a busy guest yield, and a budget ends it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn busy_guests_do_not_keep_others_from_running() {
    let server = echo();
    let busy: Vec<_> = (0..4)
        .map(|_| {
            let attempt = hostile(&json!({ "mode": "loop" }));
            tokio::spawn(
                attempt
                    .budget(|budget| budget.cpu = Duration::from_millis(700))
                    .run(),
            )
        })
        .collect();
    let mut runs = 0;
    while !busy.iter().all(tokio::task::JoinHandle::is_finished) {
        let options = json!({ "mode": "connect_many", "endpoint": server.text(), "count": 5 });
        let begun = Instant::now();
        let seen = hostile(&options).run().await;
        assert_eq!(seen.keys()["ok"], 5);
        assert!(
            begun.elapsed() < Duration::from_secs(1),
            "{:?} beside busy guests",
            begun.elapsed()
        );
        runs += 1;
    }
    assert!(runs > 3, "only {runs} runs beside busy guests");
    for run in busy {
        let seen = run.await.unwrap();
        assert_eq!(seen.budget_text(), "milliseconds of computing: 700");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_guest_with_calls_in_flight_leaves_no_socket_open() {
    let mut server = silent();
    let seen = hostile(&json!({ "mode": "loop_in_flight", "endpoint": server.text(), "count": 5 }))
        .budget(|budget| budget.wall_clock = Duration::from_millis(500))
        .run()
        .await;
    assert!(
        matches!(seen.error(), RunError::Timeout { .. }),
        "{:?}",
        seen.report.result
    );
    server.connections(0).await;
}

/// Waiting is not computing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_costs_no_computing_time() {
    let server = silent();
    let seen = hostile(&json!({ "mode": "hang", "endpoint": server.text() }))
        .budget(|budget| {
            budget.wall_clock = Duration::from_secs(1);
            budget.cpu = Duration::from_millis(500);
        })
        .run()
        .await;
    assert!(
        matches!(seen.error(), RunError::Timeout { .. }),
        "{:?}",
        seen.report.result
    );
    assert!(
        seen.report.usage.cpu < Duration::from_millis(200),
        "{:?}",
        seen.report.usage
    );
}

/// Rule 6: many calls at once, and more than are allowed to wait at once queue.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_guest_does_500_operations_at_once() {
    let mut server = echo();
    let options = json!({ "mode": "connect_many", "endpoint": server.text(), "count": 500 });
    let seen = hostile(&options).run().await;
    assert_eq!(json!(seen.keys()), json!({ "ok": 500, "failures": [] }));
    assert_eq!(seen.observations.tcp_connect.len(), 500);
    assert!(seen.report.usage.peak_handles >= 500, "{:?}", seen.report.usage);
    server.connections(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_beyond_those_allowed_at_once_queue() {
    let server = echo();
    let options = json!({ "mode": "connect_many", "endpoint": server.text(), "count": 50 });
    let seen = hostile(&options)
        .budget(|budget| budget.calls_in_flight = 3)
        .run()
        .await;
    assert_eq!(json!(seen.keys()), json!({ "ok": 50, "failures": [] }));
    let mut edges: Vec<_> = seen
        .observations
        .tcp_connect
        .iter()
        .flat_map(|connect| [(connect.t, -1), (connect.t0, 1)])
        .collect();
    edges.sort_by(|one, other| one.partial_cmp(other).unwrap());
    let mut at_once = 0;
    for (_, step) in edges {
        at_once += step;
        assert!(at_once <= 3, "more than three connects at once");
    }
}

/// What the guest sees first is what the trace has first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn observations_stand_in_the_order_in_which_they_ended() {
    let server = echo();
    let options = json!({ "mode": "connect_many", "endpoint": server.text(), "count": 30 });
    let seen = hostile(&options).run().await;
    for connect in &seen.observations.tcp_connect {
        assert!(connect.t0 <= connect.t);
        let steps: Vec<_> = steps(&seen.observations.network_events)
            .filter(|event| event.transaction_id == connect.transaction_id)
            .collect();
        let names: Vec<_> = steps.iter().map(|event| event.operation.as_str()).collect();
        assert_eq!(
            names,
            ["connect", "write", "read"],
            "each connection is a transaction of its own"
        );
        assert!(
            steps.is_sorted_by(|one, next| one.t <= next.t0),
            "one step begins when the one before is over"
        );
    }
}
