//! DNS over HTTPS on loopback, with names as told.

use super::{Authority, origin};
use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{RData, Record, RecordType},
};
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// What the resolver says about a name.
#[derive(Clone, Debug)]
pub enum Said {
    Addresses(Vec<IpAddr>),
    Code(ResponseCode),
    Nothing,
}

/// The names, and where they are asked for.
#[derive(Clone)]
pub struct Zone {
    names: Arc<Mutex<HashMap<String, Said>>>,
    asked: Arc<AtomicUsize>,
    pub address: SocketAddr,
}

impl Zone {
    pub async fn start(authority: &Authority) -> Self {
        Self::start_at(authority, ([127, 0, 0, 1], 0).into()).await
    }

    pub async fn start_at(authority: &Authority, address: SocketAddr) -> Self {
        let names: Arc<Mutex<HashMap<String, Said>>> = Arc::default();
        let asked: Arc<AtomicUsize> = Arc::default();
        let (known, count) = (Arc::clone(&names), Arc::clone(&asked));
        let own = address.ip().to_string();
        let acceptor = authority.acceptor(&[&own, "localhost"], &["http/1.1"]);
        let address = origin::serve(address, Some(acceptor), move |request| {
            count.fetch_add(1, Ordering::Relaxed);
            let query = Message::from_vec(&request.body).unwrap();
            let name = query.queries[0].name().to_ascii();
            let name = name.trim_end_matches('.').to_lowercase();
            let said = known
                .lock()
                .unwrap()
                .get(&name)
                .cloned()
                .or_else(|| spelled(&name));
            answer(&query, said.unwrap_or(Said::Code(ResponseCode::NXDomain)))
        })
        .await;
        Self {
            names,
            asked,
            address,
        }
    }

    pub fn says(&self, name: &str, said: Said) {
        self.names.lock().unwrap().insert(name.to_owned(), said);
    }

    pub fn has(&self, name: &str, addresses: &[&str]) {
        let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        self.says(name, Said::Addresses(addresses));
    }

    /// How many queries there were.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

/// The address that is spelled in a name: `127-0-0-1.address.example`.
fn spelled(name: &str) -> Option<Said> {
    let address = name.strip_suffix(".address.example")?.replace('-', ".");
    Some(Said::Addresses(vec![address.parse().ok()?]))
}

/// A response, or nothing at all.
fn answer(query: &Message, said: Said) -> Option<Vec<u8>> {
    let question = query.queries[0].clone();
    let mut response = Message::response(query.metadata.id, query.metadata.op_code);
    response.add_query(question.clone());
    match said {
        Said::Nothing => return None,
        Said::Code(code) => response.metadata.response_code = code,
        Said::Addresses(addresses) => {
            for address in addresses {
                let data = RData::from(address);
                if data.record_type() == question.query_type() && data.record_type() != RecordType::ANY {
                    response.add_answer(Record::from_rdata(question.name().clone(), 60, data));
                }
            }
        }
    }
    let body = response.to_vec().unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/dns-message\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    Some([head.into_bytes(), body].concat())
}
