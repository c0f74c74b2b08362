//! Whose an address is: autonomous system and country, from local files in `MaxMind`'s format.
//!
//! Nothing here goes to the network, and the files are the user's: OONI's (one file with both), or the ASN and country files of
//! `MaxMind` or DB-IP.

use maxminddb::Reader;
use netsonde_data::observation::Query;
use serde::Deserialize;
use std::{fmt, net::IpAddr, sync::Arc};

/// What the files say. Clones share them; without any, nothing is known.
#[derive(Clone, Default)]
pub struct Owners(Arc<[Reader<Vec<u8>>]>);

/// Whose an address is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The number of the autonomous system; zero where it is not known.
    pub asn: u32,
    /// The organisation that runs it; empty where it is not known.
    pub organization: String,
    /// The country, ISO 3166; empty where it is not known.
    pub country: String,
}

/// A file that can not be used.
#[derive(Debug, thiserror::Error)]
#[error("not a database in MaxMind's format (.mmdb, not packed)")]
pub struct OwnersError(#[from] maxminddb::MaxMindDbError);

/// The fields that the known files have in common.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Record {
    autonomous_system_number: Option<u32>,
    autonomous_system_organization: Option<String>,
    country: Option<Country>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Country {
    iso_code: Option<String>,
}

impl Owners {
    /// Read files, given as their bytes. Where two say different things, the first one counts.
    pub fn new(files: impl IntoIterator<Item = Vec<u8>>) -> Result<Self, OwnersError> {
        let readers: Result<Vec<_>, _> = files.into_iter().map(Reader::from_source).collect();
        Ok(Self(readers?.into()))
    }

    /// Whose `address` is; none where no file knows it.
    pub fn look_up(&self, address: IpAddr) -> Option<Owner> {
        let records = self.0.iter().filter_map(|reader| {
            // A file of one family knows nothing of the other, and a record of another kind of file says nothing.
            let found = reader.lookup(address.to_canonical()).ok()?;
            found.decode::<Record>().ok()?
        });
        let mut network = Owner::default();
        for record in records {
            if network.asn == 0 {
                network.asn = record.autonomous_system_number.unwrap_or_default();
            }
            if network.organization.is_empty() {
                network.organization = record.autonomous_system_organization.unwrap_or_default();
            }
            if network.country.is_empty() {
                network.country = record.country.unwrap_or_default().iso_code.unwrap_or_default();
            }
        }
        (network != Owner::default()).then_some(network)
    }

    /// Write beside the addresses in `queries` whose they are (df-002).
    pub fn annotate(&self, queries: &mut [Query]) {
        for answer in queries.iter_mut().flat_map(|query| &mut query.answers) {
            let text = answer.ipv4.as_deref().or(answer.ipv6.as_deref());
            let address = text.and_then(|text| text.parse().ok());
            let Some(network) = address.and_then(|address| self.look_up(address)) else {
                continue;
            };
            answer.asn = (network.asn != 0).then_some(network.asn.into());
            answer.as_org_name = (!network.organization.is_empty()).then_some(network.organization);
        }
    }
}

impl fmt::Debug for Owners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self
            .0
            .iter()
            .map(|reader| reader.metadata().database_type.as_str());
        f.debug_list().entries(kinds).finish()
    }
}
