//! A DNS reply comes from whoever answers first: decoding it must not panic, whatever it is.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: (u16, &[u8])| {
    let (id, reply) = data;
    drop(netsonde_net::dns::wire::decode_response(reply, id));
});
