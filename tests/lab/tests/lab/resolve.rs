//! DNS queries for records of any type.

use crate::client::PATIENCE;
use hickory_proto::op::{Message, Query};
use hickory_proto::rr::rdata::svcb::SvcParamValue;
use hickory_proto::rr::{Name, RData, RecordType};
use std::net::UdpSocket;

/// A response code, and the answers as text.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) code: u16,
    pub(crate) texts: Vec<String>,
}

/// Asks a resolver over UDP.
pub(crate) fn ask_for(resolver: &str, name: &str, kind: RecordType) -> Answers {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
        .send_to(&dns_query_for(name, kind), (resolver, 53))
        .unwrap();
    let mut buffer = [0; 1500];
    let length = socket.recv(&mut buffer).unwrap();
    answers(&buffer[..length])
}

pub(crate) fn dns_query_for(name: &str, kind: RecordType) -> Vec<u8> {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(format!("{name}.")).unwrap(), kind));
    message.to_vec().unwrap()
}

pub(crate) fn answers(message: &[u8]) -> Answers {
    let message = Message::from_vec(message).unwrap();
    Answers {
        code: message.metadata.response_code.into(),
        texts: message
            .answers
            .iter()
            .map(|record| record.data.to_string())
            .collect(),
    }
}

/// The ECH configurations in an HTTPS record.
pub(crate) fn ech_config_list(message: &[u8]) -> Vec<u8> {
    let message = Message::from_vec(message).unwrap();
    let RData::HTTPS(https) = &message.answers[0].data else {
        panic!("{message:?}")
    };
    let mut values = https.svc_params.iter().map(|(_, value)| value);
    let found = values.find_map(|value| match value {
        SvcParamValue::EchConfigList(list) => Some(list.0.clone()),
        _ => None,
    });
    found.unwrap()
}
