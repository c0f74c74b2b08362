//! Where the probe is, and whose addresses are.

use crate::{
    mmdb::mmdb,
    support::{Bench, code, replying},
};
use netsonde_data::{
    FailureCode,
    observation::{Answer, Query},
};
use netsonde_net::{Owner, Owners};
use std::{net::SocketAddr, time::Duration};
use stun_codec::{
    Message, MessageClass, MessageDecoder, MessageEncoder,
    rfc5389::{Attribute, attributes::XorMappedAddress, methods::BINDING},
};
use tokio::net::UdpSocket;

const WITHIN: Duration = Duration::from_secs(5);

/// A STUN server that hears every second request only.
async fn stun_server(host: &str) -> Option<SocketAddr> {
    use bytecodec::{DecodeExt, EncodeExt};
    let socket = UdpSocket::bind((host, 0)).await.ok()?;
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        loop {
            let _ = socket.recv_from(&mut buffer).await.unwrap();
            let (count, from) = socket.recv_from(&mut buffer).await.unwrap();
            let request: Message<Attribute> = MessageDecoder::new()
                .decode_from_bytes(&buffer[..count])
                .unwrap()
                .unwrap();
            let mut answer =
                Message::<Attribute>::new(MessageClass::SuccessResponse, BINDING, request.transaction_id());
            answer.add_attribute(Attribute::from(XorMappedAddress::new(from)));
            let bytes = MessageEncoder::new().encode_into_bytes(answer).unwrap();
            socket.send_to(&bytes, from).await.unwrap();
        }
    });
    Some(address)
}

#[tokio::test]
async fn a_stun_server_tells_the_address_it_sees_over_both_families() {
    let bench = Bench::new();
    for host in ["127.0.0.1", "::1"] {
        let Some(server) = stun_server(host).await else {
            use std::io::Write as _;
            let name = "a_stun_server_tells_the_address_it_sees_over_both_families";
            writeln!(std::io::stderr(), "SKIPPED {name}: there is no {host} here").unwrap();
            continue;
        };
        let seen = bench
            .net
            .public_address_by_stun(&bench.tx, server, WITHIN)
            .await
            .unwrap();
        assert_eq!(seen.ip().to_string(), host);
    }
}

#[tokio::test]
async fn datagrams_that_answer_nothing_are_no_answer() {
    use bytecodec::{DecodeExt, EncodeExt};
    let bench = Bench::new();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let server = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        let (count, from) = socket.recv_from(&mut buffer).await.unwrap();
        let request: Message<Attribute> = MessageDecoder::new()
            .decode_from_bytes(&buffer[..count])
            .unwrap()
            .unwrap();
        let answer = |id, address: &str| {
            let mut answer = Message::<Attribute>::new(MessageClass::SuccessResponse, BINDING, id);
            answer.add_attribute(Attribute::from(XorMappedAddress::new(address.parse().unwrap())));
            MessageEncoder::new().encode_into_bytes(answer).unwrap()
        };
        let forged = answer(stun_codec::TransactionId::new([0; 12]), "198.51.100.1:1");
        let good = answer(request.transaction_id(), "192.0.2.1:1");
        for datagram in [&b""[..], b"no STUN at all", &forged, &good] {
            socket.send_to(datagram, from).await.unwrap();
        }
    });
    let seen = bench
        .net
        .public_address_by_stun(&bench.tx, server, WITHIN)
        .await
        .unwrap();
    assert_eq!(seen.to_string(), "192.0.2.1:1");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_not_waited_for_forever() {
    let bench = Bench::new();
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let server = silent.local_addr().unwrap();
    let result = bench
        .net
        .public_address_by_stun(&bench.tx, server, Duration::from_millis(700))
        .await;
    assert_eq!(code(result), FailureCode::GENERIC_TIMEOUT_ERROR);
}

#[tokio::test]
async fn a_page_tells_the_address_it_sees() {
    let page = |reply| async move {
        let endpoint = replying(reply).await;
        let url = format!("http://{endpoint}/").parse().unwrap();
        ask(endpoint, &url).await
    };
    let found = page(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n192.0.2.1\n").await;
    assert_eq!(found.unwrap().to_string(), "192.0.2.1");
    let lost = page(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 10\r\n\r\n192.0.2.1\n").await;
    assert!(code(lost).as_str().contains("status 403"));
}

async fn ask(endpoint: SocketAddr, url: &url::Url) -> Result<std::net::IpAddr, netsonde_net::NetError> {
    let bench = Bench::new();
    bench
        .net
        .public_address_by_http(&bench.tx, endpoint, url, WITHIN)
        .await
}

#[test]
fn addresses_are_those_of_their_networks() {
    let both = mmdb(&[
        ("192.0.2.0", 24, 64500, "Example", "IT"),
        (
            "2001:db8::",
            32,
            64501,
            "A name that is longer than twenty-nine bytes",
            "",
        ),
    ]);
    let country = mmdb(&[("2001:db8::", 32, 0, "", "FR"), ("192.0.2.0", 24, 0, "", "US")]);
    let networks = Owners::new([both, country]).unwrap();
    let of = |address: &str| networks.look_up(address.parse().unwrap());
    let example = Owner {
        asn: 64500,
        organization: "Example".to_owned(),
        country: "IT".to_owned(),
    };
    assert_eq!(of("192.0.2.255"), Some(example.clone()));
    assert_eq!(of("::ffff:192.0.2.1"), Some(example));
    assert_eq!(of("192.0.3.0"), None);
    let v6 = of("2001:db8:1::1").unwrap();
    assert_eq!((v6.asn, v6.country.as_str()), (64501, "FR"));
    assert_eq!(Owners::default().look_up("192.0.2.1".parse().unwrap()), None);
    assert!(Owners::new([b"zip".to_vec()]).is_err());
}

#[test]
fn answers_say_whose_their_addresses_are() {
    let networks = Owners::new([mmdb(&[("192.0.2.0", 24, 64500, "Example", "IT")])]).unwrap();
    let answers = vec![
        Answer::address("192.0.2.7".parse().unwrap(), None),
        Answer::address("198.51.100.1".parse().unwrap(), None),
        Answer::cname("example.org", None),
    ];
    let mut queries = [Query {
        answers,
        ..Query::default()
    }];
    networks.annotate(&mut queries);
    let json = serde_json::to_value(&queries[0].answers).unwrap();
    assert_eq!(
        (&json[0]["asn"], &json[0]["as_org_name"]),
        (&64500.into(), &"Example".into())
    );
    assert!(json[1].get("asn").is_none() && json[2].get("asn").is_none());
}
