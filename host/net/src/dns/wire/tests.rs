//! Queries and responses, byte by byte.

use super::{super::record::Service, *};
use hickory_proto::rr::{
    self, RData,
    rdata::{
        CAA, HTTPS, NULL, SVCB, TXT,
        svcb::{Alpn, EchConfigList, IpHint, SvcParamKey, SvcParamValue, Unknown},
    },
};
use proptest::prelude::*;

/// A response with id 1 to `A example.org`: a CNAME to `e.example.` and 1.2.3.4.
const RESPONSE: &[u8] = b"\0\x01\x81\x80\0\x01\0\x02\0\0\0\0\x07example\x03org\0\0\x01\0\x01\
    \xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x0b\x01e\x07example\0\
    \x01e\x07example\0\0\x01\0\x01\0\0\0\x3c\0\x04\x01\x02\x03\x04";

/// A response with id 1 and these records of `example.org`.
fn response(records: Vec<RData>) -> Vec<u8> {
    let mut message = Message::new(1, MessageType::Response, OpCode::Query);
    for data in records {
        message.add_answer(rr::Record::from_rdata(
            Name::from_ascii("example.org.").unwrap(),
            60,
            data,
        ));
    }
    message.to_vec().unwrap()
}

fn decode(records: Vec<RData>) -> Vec<Record> {
    decode_response(&response(records), 1).unwrap().records
}

#[test]
fn a_query_asks_recursively_for_one_type() {
    let query = encode_query(0x1234, "example.org", QueryType::AAAA, Form::Plain).unwrap();
    assert_eq!(
        query,
        b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03org\0\0\x1c\0\x01"
    );
    assert_eq!(id(&query), Some(0x1234));
    assert!(encode_query(1, &"a".repeat(64), QueryType::A, Form::Plain).is_err());
}

#[test]
fn a_padded_query_has_a_round_length_and_wants_signatures() {
    for name in ["a.b", "example.org", &format!("{}.example", "a".repeat(63))] {
        let query = encode_query(1, name, QueryType::A, Form::Padded).unwrap();
        assert_eq!(query.len() % 128, 0, "{name}");
        let edns = Message::from_vec(&query).unwrap().edns.unwrap();
        assert_eq!((edns.max_payload(), edns.flags().dnssec_ok), (4096, true));
    }
}

#[test]
fn a_response_gives_addresses_and_the_canonical_name() {
    let response = decode_response(RESPONSE, 1).unwrap();
    assert_eq!(
        response.addresses(QueryType::A).collect::<Vec<_>>(),
        ["1.2.3.4".parse::<IpAddr>().unwrap()]
    );
    assert_eq!(response.cname().as_deref(), Some("e.example"));
    assert_eq!(response.failure(QueryType::A), None);
    assert_eq!(response.failure(QueryType::CNAME), None);
    assert_eq!(
        response.failure(QueryType::AAAA),
        Some(FailureCode::DNS_NO_ANSWER)
    );
    let [cname, address] = response.records.as_slice() else {
        panic!("{response:?}");
    };
    assert_eq!((cname.name.as_str(), cname.ttl), ("example.org.", 60));
    assert_eq!(
        (cname.presentation.as_str(), &*cname.rdata),
        ("e.example.", b"\x01e\x07example\0".as_slice())
    );
    assert_eq!(
        (address.presentation.as_str(), &*address.rdata),
        ("1.2.3.4", [1, 2, 3, 4].as_slice())
    );
}

#[test]
fn a_service_gives_its_protocols_hints_and_ech_configurations() {
    let ech = b"\0\x04\xfe\x0d\0\0".to_vec();
    let service = SVCB::new(
        1,
        Name::root(),
        vec![
            (
                SvcParamKey::Alpn,
                SvcParamValue::Alpn(Alpn(vec!["h3".to_owned(), "h2".to_owned()])),
            ),
            (SvcParamKey::Port, SvcParamValue::Port(8443)),
            (
                SvcParamKey::Ipv4Hint,
                SvcParamValue::Ipv4Hint(IpHint(vec![rr::rdata::A::new(1, 2, 3, 4)])),
            ),
            (
                SvcParamKey::EchConfigList,
                SvcParamValue::EchConfigList(EchConfigList(ech.clone())),
            ),
            (
                SvcParamKey::Key(667),
                SvcParamValue::Unknown(Unknown(b"x".to_vec())),
            ),
        ],
    );
    let records = decode(vec![RData::HTTPS(HTTPS(service))]);
    let [record] = records.as_slice() else {
        panic!("{records:?}");
    };
    assert_eq!(record.kind, QueryType::HTTPS);
    let expected = Service {
        priority: 1,
        target: ".".to_owned(),
        alpn: vec!["h3".to_owned(), "h2".to_owned()],
        port: Some(8443),
        ipv4_hints: vec!["1.2.3.4".parse().unwrap()],
        ipv6_hints: vec![],
        ech,
        others: vec![(667, b"x".to_vec())],
    };
    assert_eq!(record.data, Data::Service(Box::new(expected)));
    let archived = record.archived();
    assert_eq!(archived.answer_type, "HTTPS");
    assert!(archived.x_data.unwrap().contains("h3"));
}

#[test]
fn any_other_record_keeps_its_data() {
    let unknown = RData::Unknown {
        code: 65280.into(),
        rdata: NULL::with(vec![0xab, 0xcd]),
    };
    let records = decode(vec![
        RData::TXT(TXT::new(vec!["v=spf1 -all".to_owned()])),
        RData::CAA(CAA::new_issue(
            false,
            Some(Name::from_ascii("ca.example").unwrap()),
            vec![],
        )),
        unknown,
    ]);
    let kinds: Vec<_> = records.iter().map(|record| record.kind.to_string()).collect();
    assert_eq!(kinds, ["TXT", "CAA", "TYPE65280"]);
    assert!(
        records[0].presentation.contains("v=spf1 -all"),
        "{:?}",
        records[0]
    );
    assert_eq!(&*records[0].rdata, b"\x0bv=spf1 -all");
    assert_eq!(records[2].presentation, "\\# 2 abcd");
    assert!(records.iter().all(|record| record.data == Data::Other));
}

#[test]
fn another_id_a_query_and_garbage_are_told_apart() {
    let code = |bytes: &[u8], id| decode_response(bytes, id).unwrap_err().code();
    assert_eq!(code(RESPONSE, 2), FailureCode::DNS_REPLY_WITH_WRONG_QUERY_ID);
    let query = encode_query(1, "example.org", QueryType::A, Form::Plain).unwrap();
    assert_eq!(
        decode_response(&query, 1).unwrap_err(),
        ResponseError::NotAResponse
    );
    assert!(
        code(b"garbage", 1)
            .as_str()
            .starts_with("unknown_failure: dns: malformed")
    );
}

#[test]
fn response_codes_become_failures() {
    let of = |rcode| Response {
        rcode,
        ..Response::default()
    };
    let code = |rcode| of(rcode).failure(QueryType::A).unwrap();
    assert_eq!(code(0), FailureCode::DNS_NO_ANSWER);
    assert_eq!(code(2), FailureCode::DNS_SERVFAIL_ERROR);
    assert_eq!(code(3), FailureCode::DNS_NXDOMAIN_ERROR);
    assert_eq!(code(5), FailureCode::DNS_REFUSED_ERROR);
    assert_eq!(code(4), FailureCode::DNS_SERVER_MISBEHAVING);
    assert_eq!(of(4).detail().unwrap(), "rcode 4: Not Implemented");
    assert_eq!(of(16).detail().unwrap(), "rcode 16: Bad option versions");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0..RESPONSE.len()) {
        let _ = decode_response(&bytes, 1);
        let mut damaged = RESPONSE.to_vec();
        damaged.truncate(at);
        damaged.append(&mut bytes);
        let _ = decode_response(&damaged, 1);
    }

    /// Whatever stands in a record of whatever type, it is read or refused, and what is read can be written down.
    #[test]
    fn no_record_makes_it_panic(kind in 0..300u16, rdata in prop::collection::vec(any::<u8>(), 0..100)) {
        let mut bytes = b"\0\x01\x81\x80\0\0\0\x01\0\0\0\0\0".to_vec();
        bytes.extend(kind.to_be_bytes());
        bytes.extend(b"\0\x01\0\0\0\x3c");
        bytes.extend(u16::try_from(rdata.len()).unwrap().to_be_bytes());
        bytes.extend(&rdata);
        if let Ok(response) = decode_response(&bytes, 1) {
            prop_assert_eq!(response.archived().len(), response.records.len());
            for record in &response.records {
                prop_assert_eq!(u16::from(record.kind.record_type()), kind);
            }
        }
    }

    /// Messages come out as they went in, wherever the stream is cut.
    #[test]
    fn frames_survive_any_cut(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..5),
        cut in 1..20usize,
    ) {
        let stream: Vec<u8> = messages.iter().flat_map(|message| Frames::encode(message).unwrap()).collect();
        let mut frames = Frames::default();
        let mut read = Vec::new();
        for piece in stream.chunks(cut) {
            frames.push(piece);
            read.extend(std::iter::from_fn(|| frames.pop()).map(Vec::from));
        }
        prop_assert_eq!(read, messages);
    }
}
