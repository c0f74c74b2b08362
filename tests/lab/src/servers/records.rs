//! Resource records that are not addresses: what a scenario writes, what follows from what a host serves, and the
//! names of addresses.

use crate::scenario::{Alpn, Host};
use hickory_proto::rr::rdata::svcb::{Alpn as AlpnValue, EchConfigList, SVCB, SvcParamKey, SvcParamValue};
use hickory_proto::rr::rdata::{HTTPS, PTR};
use hickory_proto::rr::{Name, RData, RecordType};
use std::net::IpAddr;

/// The port of which an HTTPS record need not speak.
const HTTPS_PORT: u16 = 443;

/// The records of a host's names; `ech` is the configuration published for it.
pub(super) fn of(host: &Host, ech: Option<&[u8]>) -> Vec<RData> {
    let written = host.records.iter().flat_map(|(kind, texts)| {
        // Each was found well formed when the scenario was checked.
        let kind: Option<RecordType> = kind.parse().ok();
        let read = move |text: &String| RData::try_from_str(kind?, text).ok();
        texts.iter().filter_map(read)
    });
    written.chain(https(host, ech)).collect()
}

/// The HTTPS record (RFC 9460) of a host with HTTP/3 or Encrypted Client Hello.
fn https(host: &Host, ech: Option<&[u8]>) -> Option<RData> {
    if host.http3.is_empty() && ech.is_none() {
        return None;
    }
    let mut protocols = Vec::new();
    if !host.http3.is_empty() {
        protocols.push("h3".to_owned());
    }
    if !host.https.is_empty() {
        protocols.extend(host.alpn.iter().map(|alpn| {
            let name = match alpn {
                Alpn::H2 => "h2",
                Alpn::Http11 => "http/1.1",
            };
            name.to_owned()
        }));
    }
    let mut parameters = vec![(SvcParamKey::Alpn, SvcParamValue::Alpn(AlpnValue(protocols)))];
    let port = host.https.first().or(host.http3.first());
    if let Some(port) = port.filter(|port| **port != HTTPS_PORT) {
        parameters.push((SvcParamKey::Port, SvcParamValue::Port(*port)));
    }
    if let Some(ech) = ech {
        let list = EchConfigList(ech.to_vec());
        parameters.push((SvcParamKey::EchConfigList, SvcParamValue::EchConfigList(list)));
    }
    Some(RData::HTTPS(HTTPS(SVCB::new(1, Name::root(), parameters))))
}

/// The name under which an address is looked up, in lower case and without a final dot, and the record there.
pub(super) fn reverse(address: IpAddr, name: &str) -> Option<(String, RData)> {
    let mut reverse = Name::from(address).to_ascii().to_ascii_lowercase();
    if reverse.ends_with('.') {
        reverse.pop();
    }
    let target = Name::from_ascii(format!("{name}.")).ok()?;
    Some((reverse, RData::PTR(PTR(target))))
}
