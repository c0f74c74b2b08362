//! What a run might use, what it used, and where it was not let go.

use netsonde_net::Net;
use netsonde_sandbox::{Budget, Usage};
use serde_json::{Value, json};

use crate::view::Refused;

/// What a run might use; seconds and bytes.
pub(super) fn granted(budget: &Budget) -> Value {
    json!({
        "wall_clock_s": budget.wall_clock.as_secs_f64(),
        "cpu_s": budget.cpu.as_secs_f64(),
        "memory": budget.memory,
        "handles": budget.handles,
        "log_lines": budget.log_lines,
        "connections": budget.net.connections,
        "queries": budget.net.queries,
        "bytes_sent": budget.net.bytes_sent,
        "bytes_received": budget.net.bytes_received,
        "observations": budget.net.observations,
        "addresses": budget.net.addresses,
        "ports": budget.net.ports,
    })
}

/// What a run used, each beside what it might have used where there is a limit.
pub(super) fn usage(used: &Usage, budget: &Budget) -> Value {
    let mut usage = json!({
        "wall_clock_s": used.wall_clock.as_secs_f64(),
        "cpu_s": used.cpu.as_secs_f64(),
        "memory": used.peak_memory,
        "handles": used.peak_handles,
        "log_lines": used.log_lines,
        "connections": used.net.connections,
        "queries": used.net.queries,
        "bytes_sent": used.net.bytes_sent,
        "bytes_received": used.net.bytes_received,
        "observations": used.net.observations,
        "addresses": used.net.addresses,
        "ports": used.net.ports,
        "host_calls": used.host_calls,
        "host_call_bytes": used.host_call_bytes,
        "instances": used.instances,
    });
    if let (Value::Object(usage), Value::Object(granted)) = (&mut usage, granted(budget)) {
        for (what, most) in granted {
            usage
                .entry(what)
                .and_modify(|used| *used = json!([used.take(), most]));
        }
    }
    usage
}

/// Which destinations were refused; for the user, not for the measurement, because it says what the user's network is.
pub(super) fn refused(net: &Net) -> Vec<Refused> {
    let (listed, more) = net.refusals();
    let others = (more > 0).then(|| Refused {
        transport: String::new(),
        destination: "others".to_owned(),
        why: "there were too many to list".to_owned(),
        times: more,
    });
    let listed = listed.into_iter().map(|refusal| Refused {
        transport: refusal.transport.to_string(),
        destination: refusal.destination,
        why: refusal.why.to_owned(),
        times: refusal.times,
    });
    listed.chain(others).collect()
}
