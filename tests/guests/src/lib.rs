//! Guests for tests only: one that does as it is told, and hostile ones.
//!
//! The nettest `steps` takes the steps that its target lists. Two guests misbehave on demand: the nettest `hostile`, whose mode is the option `mode` of its target, and the mini
//! nettest `hostile-mini`, whose mode is the argument `mode`. They are sound components with honest manifests and load
//! like any other. [`REFUSED`] is what must not load at all.
//!
//! # `steps`
//!
//! Its target is `{"input": "any text", "options": {"steps": [[…], […]]}}`. Each list of steps is one transaction with at most
//! one open connection and one UDP socket; its steps follow each other and end at the first that fails; the lists run at the same time, or so
//! many at a time as the option `parallelism` says. The result has `answers`: for each list what its steps brought, the last perhaps `{"failure", "operation"}`.
//!
//! | `do` | fields |
//! |---|---|
//! | `lookup` | `domain`, one of `udp`, `tcp` (a resolver's endpoint), `dot`, `doh`, `doh3`, `doq` (its endpoint and its name or URL), `types`, `timeout_ms`, `collect_ms` |
//! | `quic` | `to` (an endpoint), `name`, `ech`, `groups`, `alpn`, `timeout_ms` |
//! | `handshake` | `name`, `sni` (`""`: none), `versions` (a pair), `groups`, `alpn`, `roots` (PEM), `no_verify`, `ech` (`grease`, `made_up`, `dns`: as an earlier lookup says, `retry`: as an earlier rejection says), `split_hello`, `backend`, `timeout_ms`, `may_fail` |
//! | `session` | `tls` (the fields of `handshake`), `text`: a TLS session carried over the open connection; sends the text and reads until something comes back |
//! | `keep` | `key`, `value` (a text): kept from run to run |
//! | `recall`, `forget` | `key` |
//! | `keys` | |
//! | `connect` | `to` (an endpoint), `ttl`, `timeout_ms` |
//! | `write` | `text`, `timeout_ms` |
//! | `read` | `max`, `timeout_ms` |
//! | `set_ttl` | `ttl` |
//! | `send` | a datagram: `to` (an endpoint), `text`, `hex` (bytes behind the text), `pad_to` (a length), `ttl` |
//! | `receive` | a datagram, or an ICMP error: `timeout_ms`; brings `stun_address` of an answer of STUN, `quic_versions` of a Version Negotiation packet |
//! | `whose` | `address`; brings `owner` (number, organisation, country), `resolver_address`, `configured_resolvers` |
//! | `request` | `url`, `method`, `headers` and `pseudo_headers` (pairs), `raw_head`, `body`, `limit`, `timeout_ms` |
//!
//! # `escape`
//!
//! Tries to go where it may not; the ways are in its own source, because what a script names is a target. Its target is
//! `{"input": "http://example.com/", "options": {}}`. With the option `port`, only ways to that port of this machine are tried;
//! with `scan`, one port of the input's address after the other. The result has `ways`, each `{"way", "to", "failure"}`.
//!
//! # `hostile`
//!
//! Its target is `{"input": null, "options": {"mode": "connect_many", "endpoint": "127.0.0.1:7", "count": 500}}`.
//!
//! | mode | other options | what it does |
//! |---|---|---|
//! | `ok` | | returns `{"mode": "ok"}` |
//! | `error` | | returns a failure, `unknown_failure: asked for` |
//! | `invalid_json` | | returns text that is no JSON |
//! | `not_an_object` | | returns a JSON array |
//! | `big_result` | `count` | returns an object of about `count` bytes |
//! | `loop` | | loops for ever, without a call of the host |
//! | `trap` | | traps |
//! | `memory` | | takes memory for ever, one MiB at a time |
//! | `stack` | | calls itself until the stack ends |
//! | `handles` | | opens handles (transactions, DNS options) for ever and keeps them |
//! | `log` | | logs for ever |
//! | `progress` | | reports progress for ever |
//! | `calls` | `count` | reads the clock `count` times; returns `calls`, `nanoseconds` |
//! | `pending` | | waits for nothing: no call is in flight |
//! | `hang` | `endpoint` (silent) | connects and waits for a byte that never comes |
//! | `trap_in_flight` | `endpoint` (silent), `count` | traps while `count` reads wait |
//! | `loop_in_flight` | `endpoint` (silent), `count` | loops for ever while `count` reads wait |
//! | `busy` | `endpoint`, `count` | starts to connect, keeps the processor busy for `count` ms, then awaits the connection; returns `remote`, `busy_ns` |
//! | `cancel` | `endpoint` (echo) | drops a waiting read, then uses the connection; returns `waiting`, `echo` (both true) |
//! | `cancel_connect` | `endpoint` (black hole) | drops a waiting connect; returns `waiting` |
//! | `cancel_lookup` | `domain` | drops a waiting lookup, and the loser of a race between two; returns `waiting`, `first` (addresses) |
//! | `connect_many` | `endpoint` (echo), `count` | connects, writes, reads, closes, `count` times at once; returns `ok` (a number), `failures` (codes) |
//! | `lookup_many` | `domain`, `count` | `count` lookups at once; returns `ok` (a number) |
//! | `queries` | `domain` | lookups for ever |
//! | `connections` | `endpoint` | connections for ever, each closed at once |
//! | `bytes_sent` | `endpoint` (reads all) | sends for ever |
//! | `bytes_received` | `endpoint` (sends for ever) | receives for ever |
//! | `mini` | `parallelism`; the target's `targets` | runs the mini nettests; returns `minis`, each `{"done": failure code or null, "transactions", "output"}`, `{"skipped": why}` or `{"broken": code, "detail"}` |
//! | `keep` | `count` | keeps values of `count` bytes until one is refused; returns `before` (keys that were there), `kept` (a number), `why` |
//! | `rewrite` | `count` | keeps a value of `count` bytes for ever |
//! | `observe` | `endpoint` | connects; returns `connected`, and a reference to the observation at `nested.here` |
//!
//! With the option `reduce`, the result of `run` is `{"reduce": …, "result": …}`, and `reduce` does this:
//!
//! | `reduce` | what it does |
//! |---|---|
//! | `import` | calls an import |
//! | `loop`, `trap`, `invalid_json`, `error` | as the modes of the same names |
//! | `keys` | returns `{"reduced": true}` |
//! | anything else | returns `{}` |
//!
//! # `hostile-mini`
//!
//! | mode | other arguments | what it does |
//! |---|---|---|
//! | `ok` | | the output is `{"mode": "ok"}` |
//! | `error` | | says that its arguments make no sense |
//! | `invalid_json` | | the output is no JSON |
//! | `invented_transactions` | | claims transaction 1,000,000, which it did not begin |
//! | `trap`, `loop`, `memory` | | as above |
//! | `spin` | `count` | keeps the processor busy for `count` ms |
//! | `connections`, `hang` | `endpoint` | as above |
//! | `connect` | `endpoint` | connects once, tag `hostile-mini`, like a decent mini nettest |
//!
//! # Refused
//!
//! | name | what is wrong |
//! |---|---|
//! | `ungranted` | imports `tcp`, which its manifest does not ask for |
//! | `liar` | says that it is a nettest and exports what a mini nettest exports |
//! | `other-name` | its manifest's name is `somebody-else`: wrong only where the name is known beforehand |
//! | `no-manifest` | has no manifest |
//! | `bad-manifest` | its manifest is no TOML |
//! | `no-text` | its manifest is no UTF-8 |
//! | `foreign` | imports `wasi:cli/environment@0.2.0` |
//! | `core-module` | is a core module, not a component |
//! | `truncated` | ends half way |
//! | `empty` | has no bytes |
//! | `garbage` | is HTML |

/// A guest for tests, or what pretends to be one.
#[derive(Clone, Copy, Debug)]
pub struct Guest {
    /// The name, as in the tables above.
    pub name: &'static str,
    /// The bytes.
    pub wasm: &'static [u8],
    /// The SHA-256 of `wasm`, in hexadecimal.
    pub sha256: &'static str,
}

/// The guests that run: `hostile`, `hostile-mini`, `steps` and `escape`.
pub static GUESTS: &[Guest] = include!(concat!(env!("OUT_DIR"), "/guests.in"));

/// What a loader has to refuse.
pub static REFUSED: &[Guest] = include!(concat!(env!("OUT_DIR"), "/refused.in"));

/// The nettest `hostile`.
pub fn hostile() -> &'static [u8] {
    wasm("hostile")
}

/// The mini nettest `hostile-mini`.
pub fn hostile_mini() -> &'static [u8] {
    wasm("hostile-mini")
}

/// The bytes of a guest in [`GUESTS`] or [`REFUSED`].
///
/// # Panics
///
/// If there is none of this name.
#[expect(
    clippy::panic,
    reason = "only tests call this, with names that are in the tables above"
)]
pub fn wasm(name: &str) -> &'static [u8] {
    match GUESTS.iter().chain(REFUSED).find(|guest| guest.name == name) {
        Some(guest) => guest.wasm,
        None => panic!("there is no test guest {name}"),
    }
}
