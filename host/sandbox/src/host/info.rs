//! `info`: what the host knows about this run.

use std::time::{Duration, SystemTime};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use netsonde_data::bogon;
use netsonde_data::failure::{Failure, FailureCode, Operation};

use crate::bindings::{info, types};
use crate::call::Caller;
use crate::reach::Reach;
use crate::state::State;

/// The most random bytes in one call.
const RANDOM: u32 = 65_536;

/// Wait. It costs what any operation costs, and nothing of the network.
pub(crate) async fn sleep(reach: &Reach<'_>, milliseconds: u32) -> wasmtime::Result<()> {
    let caller = Caller::new(reach, 0)?;
    let time = Duration::from_millis(milliseconds.into());
    let slept = caller.operation(async move {
        tokio::time::sleep(time).await;
        Ok(())
    });
    // What only waits does not fail.
    slept.await.map(drop)
}

impl info::Host for State {
    fn annotations(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        let annotations: Vec<_> = self
            .shared
            .info
            .annotations
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        self.call(
            annotations
                .iter()
                .map(|(name, value)| name.len() + value.len())
                .sum(),
        )?;
        Ok(annotations)
    }

    fn feature_flag(&mut self, name: String) -> wasmtime::Result<bool> {
        self.call(name.len())?;
        Ok(self
            .shared
            .info
            .feature_flags
            .get(&name)
            .copied()
            .unwrap_or_default())
    }

    fn test_helpers(&mut self, kind: String) -> wasmtime::Result<String> {
        let helpers = self.shared.info.test_helpers.get(&kind);
        let json = helpers.map_or_else(|| "[]".to_owned(), ToString::to_string);
        self.call(kind.len() + json.len())?;
        Ok(json)
    }

    fn is_bogon(&mut self, address: String) -> wasmtime::Result<bool> {
        self.call(address.len())?;
        Ok(bogon::is_bogon_text(&address))
    }

    fn domain_to_ascii(&mut self, domain: String) -> wasmtime::Result<Result<String, types::Failure>> {
        // Hyphens in the third and fourth place are against the letter of the rules, and common.
        let ascii = Uts46::new().to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::Verify,
        );
        let ascii = ascii.map(std::borrow::Cow::into_owned);
        self.call(domain.len() + ascii.as_ref().map_or(0, String::len))?;
        Ok(ascii.map_err(|_| {
            let doing = format!("write `{domain}` in ASCII");
            let code = FailureCode::unknown("it is no domain name");
            Failure::new(code, Operation::TopLevel, &doing).into()
        }))
    }

    fn public_suffix(&mut self, domain: String) -> wasmtime::Result<String> {
        self.call(domain.len().saturating_mul(2))?;
        Ok(psl::suffix_str(&domain).unwrap_or(&domain).to_owned())
    }

    fn ip_to_asn(&mut self, address: String) -> wasmtime::Result<Option<info::AsnInfo>> {
        let networks = self.shared.net.owners();
        let found = address.parse().ok().and_then(|address| networks.look_up(address));
        let texts = found
            .as_ref()
            .map_or(0, |network| network.organization.len() + network.country.len());
        self.call(address.len() + texts)?;
        Ok(found.map(|network| info::AsnInfo {
            number: network.asn,
            organization: network.organization,
            country: network.country,
        }))
    }

    fn resolver_address(&mut self) -> wasmtime::Result<Option<String>> {
        let address = self
            .shared
            .info
            .resolver_address
            .map(|address| address.to_string());
        self.call(address.as_ref().map_or(0, String::len))?;
        Ok(address)
    }

    fn configured_resolvers(&mut self) -> wasmtime::Result<Vec<String>> {
        let configured = &self.shared.info.configured_resolvers;
        let addresses: Vec<String> = configured.iter().map(ToString::to_string).collect();
        self.call(addresses.iter().map(String::len).sum())?;
        Ok(addresses)
    }

    fn software(&mut self) -> wasmtime::Result<String> {
        self.call(self.shared.info.software.len())?;
        Ok(self.shared.info.software.clone())
    }

    fn now(&mut self) -> wasmtime::Result<u64> {
        self.call(0)?;
        let now = self.shared.net.trace().clock().now();
        Ok(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
    }

    fn unix_time(&mut self) -> wasmtime::Result<u64> {
        self.call(0)?;
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Ok(since.unwrap_or_default().as_secs())
    }

    fn random_bytes(&mut self, count: u32) -> wasmtime::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(count.min(RANDOM)).unwrap_or_default()];
        self.call(bytes.len())?;
        getrandom::fill(&mut bytes)?;
        Ok(bytes)
    }
}
