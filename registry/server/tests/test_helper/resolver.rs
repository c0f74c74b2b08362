//! Who is asked for names, and where that is.

use crate::world::{World, helper::Helper, resolver::Zone};
use serde_json::{Value, json};

async fn dns(helper: &Helper) -> Value {
    helper
        .ask(&json!({"http_request": "ftp://www.example.org/"}))
        .await["dns"]
        .clone()
}

#[tokio::test]
async fn the_resolvers_own_name_is_asked_of_the_system() {
    let world = World::new().await;
    world.zone.has("www.example.org", &["192.0.2.1"]);
    // It may have an address at which nobody answers, too.
    let resolver = format!("https://localhost:{}/dns-query", world.zone.address.port());
    let helper = Helper::start_with(&world, &["--resolver", &resolver]);
    assert_eq!(
        dns(&helper).await,
        json!({"failure": null, "addrs": ["192.0.2.1"]})
    );
}

#[tokio::test]
async fn a_resolver_that_comes_back_is_found_again() {
    let mut world = World::new().await;
    let address = {
        let listener = std::net::TcpListener::bind((crate::world::own_address(), 0)).unwrap();
        listener.local_addr().unwrap()
    };
    let resolver = format!("https://{address}/dns-query");
    let helper = Helper::start_with(&world, &["--resolver", &resolver]);
    assert_eq!(
        dns(&helper).await,
        json!({"failure": "unknown_error", "addrs": []})
    );
    world.zone = Zone::start_at(&world.authority, address).await;
    world.zone.has("www.example.org", &["192.0.2.1"]);
    assert_eq!(
        dns(&helper).await,
        json!({"failure": null, "addrs": ["192.0.2.1"]})
    );
}
