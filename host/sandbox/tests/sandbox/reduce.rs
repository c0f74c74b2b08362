//! `reduce`: pure, bounded, and an object.

use netsonde_sandbox::{Engine, EngineConfig, RunError};
use serde_json::{Value, json};

use crate::support::{ENGINE, HOSTILE};

async fn reduce(what: &str) -> Result<Value, RunError> {
    let keys = json!({ "reduce": what, "queries": [], "big": "x".repeat(1_000_000) });
    ENGINE.reduce(&HOSTILE, &keys).await.map(Value::Object)
}

#[tokio::test]
async fn test_keys_in_and_top_level_keys_out() {
    assert_eq!(reduce("keys").await.unwrap(), json!({ "reduced": true }));
    assert_eq!(reduce("nothing").await.unwrap(), json!({}));
}

#[tokio::test]
async fn no_import_can_be_called() {
    let error = reduce("import").await.unwrap_err();
    let RunError::Trap { module, detail } = &error else {
        panic!("{error}")
    };
    assert_eq!(module, "hostile");
    assert!(detail.contains("netsonde:probe/info@0.1.0"), "{detail}");
}

#[tokio::test]
async fn what_goes_wrong_names_the_module() {
    assert!(matches!(reduce("trap").await, Err(RunError::Trap { .. })));
    assert!(matches!(
        reduce("invalid_json").await,
        Err(RunError::InvalidJson { .. })
    ));
    assert!(matches!(reduce("error").await, Err(RunError::Guest { .. })));
}

#[tokio::test]
async fn a_mini_nettest_has_no_reduce() {
    let engine = Engine::new(EngineConfig::default()).unwrap();
    let mini = engine
        .load("hostile-mini", netsonde_test_guests::hostile_mini())
        .unwrap();
    let error = engine.reduce(&mini, &json!({})).await.unwrap_err();
    assert!(matches!(error, RunError::WrongKind { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_loops_in_reduce_is_stopped() {
    let error = reduce("loop").await.unwrap_err();
    assert!(matches!(error, RunError::BudgetExceeded { .. }), "{error}");
}
