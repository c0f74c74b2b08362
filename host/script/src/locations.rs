//! The location file: what is known about the probe's networks.

use std::net::IpAddr;

use netsonde_data::location::{Location, Locations};

use crate::diagnostics::Problems;
use crate::fields::{self, Fields};
use crate::node::{Kind, Member, Node};
use crate::words::quoted;

/// Read a location file.
pub(crate) fn locations(root: &Node<'_>, problems: &mut Problems) -> Option<Locations> {
    let mut top = Fields::of(root, "a location file", problems)?;
    let ipv4 = family(top.get(&["ipv4"], problems), IpAddr::is_ipv4, problems);
    let ipv6 = family(top.get(&["ipv6"], problems), IpAddr::is_ipv6, problems);
    let head = top.head();
    top.finish_strictly(problems);
    if ipv4.is_none() && ipv6.is_none() && problems.errors() == 0 {
        problems
            .error(head, "there is neither a location over IPv4 nor one over IPv6")
            .hint(r#"add "ipv4": { "probe_ip": "…", "probe_asn": 137, "probe_cc": "IT", … }"#);
        return None;
    }
    Some(Locations { ipv4, ipv6 })
}

/// The location over one address family. `null` is none, which is how programs write it.
fn family(
    member: Option<&Member<'_>>,
    belongs: fn(&IpAddr) -> bool,
    problems: &mut Problems,
) -> Option<Location> {
    let member = member.filter(|member| !matches!(member.value.kind, Kind::Null))?;
    let mut fields = Fields::of(&member.value, quoted(&member.name), problems)?;
    let probe_ip = fields.get(&["probe_ip"], problems);
    let location = Location {
        probe_ip: probe_ip.and_then(|ip| address(ip, problems)),
        probe_asn: network(fields.get(&["probe_asn"], problems), problems),
        probe_cc: country(fields.get(&["probe_cc"], problems), problems),
        probe_network_name: name(fields.get(&["probe_network_name"], problems), problems),
        resolver_ip: fields
            .get(&["resolver_ip"], problems)
            .and_then(|ip| address(ip, problems)),
        resolver_asn: network(fields.get(&["resolver_asn"], problems), problems),
        resolver_cc: country(fields.get(&["resolver_cc"], problems), problems),
        resolver_network_name: name(fields.get(&["resolver_network_name"], problems), problems),
    };
    if let (Some(member), Some(ip)) = (probe_ip, location.probe_ip)
        && !belongs(&ip)
    {
        problems.error(
            member.value.head(),
            format!("{ip} is an address of the other family"),
        );
    }
    fields.finish_strictly(problems);
    Some(location)
}

fn address(member: &Member<'_>, problems: &mut Problems) -> Option<IpAddr> {
    let text = fields::string(member, problems)?;
    let address = text.parse().ok();
    if address.is_none() {
        problems
            .error(
                member.value.head(),
                format!(
                    "{} must be an IP address, not {}",
                    quoted(&member.name),
                    quoted(&text)
                ),
            )
            .hint("leave it out where it is not known");
    }
    address
}

/// A network's number; 0 where it is not known.
fn network(member: Option<&Member<'_>>, problems: &mut Problems) -> u32 {
    let Some(member) = member else { return 0 };
    let number = match &member.value.kind {
        Kind::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
        _ => None,
    };
    if number.is_none() {
        problems
            .error(
                member.value.head(),
                format!(
                    "{} must be a whole number from 0 to {}",
                    quoted(&member.name),
                    u32::MAX
                ),
            )
            .hint("without `AS` and without quotes: 137");
    }
    number.unwrap_or(0)
}

/// A country; empty where it is not known.
fn country(member: Option<&Member<'_>>, problems: &mut Problems) -> String {
    let Some(member) = member else {
        return String::new();
    };
    let Some(code) = fields::string(member, problems) else {
        return String::new();
    };
    let is_code = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    if !code.is_empty() && !is_code {
        problems
            .error(
                member.value.head(),
                format!("{} must be two capital letters", quoted(&member.name)),
            )
            .hint("the country's code in ISO 3166, such as IT; ZZ where it is not known");
    }
    code
}

fn name(member: Option<&Member<'_>>, problems: &mut Problems) -> String {
    member
        .and_then(|member| fields::string(member, problems))
        .unwrap_or_default()
}
