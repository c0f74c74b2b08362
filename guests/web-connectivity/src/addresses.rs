//! The addresses of a host, and who says that they are.

/// Who says so, as bits.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Origins(u8);

impl Origins {
    /// The system's resolver.
    pub(crate) const SYSTEM: Self = Self(1);
    /// The resolver that was asked over UDP.
    pub(crate) const UDP: Self = Self(2);
    /// The resolver that was asked over HTTPS.
    pub(crate) const DOH: Self = Self(4);
    /// Every resolver: the host is an address, which is its own answer.
    pub(crate) const ALL: Self = Self(7);

    /// Whether one of the two says what the other says.
    pub(crate) fn overlap(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Addresses in the order of their texts. There are few, and a list is smaller than a map.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Addresses(Vec<(String, Origins)>);

impl Addresses {
    /// `origins` say that these are addresses of the host.
    pub(crate) fn add(&mut self, addresses: impl IntoIterator<Item = String>, origins: Origins) {
        for address in addresses {
            match self.0.binary_search_by(|(known, _)| known.cmp(&address)) {
                Ok(place) => {
                    if let Some((_, known)) = self.0.get_mut(place) {
                        known.0 |= origins.0;
                    }
                }
                Err(place) => self.0.insert(place, (address, origins)),
            }
        }
    }

    pub(crate) fn contains(&self, address: &str) -> bool {
        self.0.iter().any(|(known, _)| known == address)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Origins)> {
        self.0
            .iter()
            .map(|(address, origins)| (address.as_str(), *origins))
    }

    /// Whose addresses are fetched from before others: the system's, else those that came over UDP, else over HTTPS.
    /// Without any address, nobody's: then those of the test helper are all the same.
    pub(crate) fn preferred(&self) -> Option<Origins> {
        [Origins::SYSTEM, Origins::UDP, Origins::DOH]
            .into_iter()
            .find(|preferred| self.0.iter().any(|(_, origins)| origins.overlap(*preferred)))
    }

    /// For people.
    pub(crate) fn describe(&self) -> String {
        let described: Vec<String> = self
            .iter()
            .map(|(address, origins)| {
                let names = [
                    (Origins::SYSTEM, "system"),
                    (Origins::UDP, "udp"),
                    (Origins::DOH, "doh"),
                ];
                let names: Vec<&str> = names
                    .into_iter()
                    .filter(|(origin, _)| origins.overlap(*origin))
                    .map(|(_, name)| name)
                    .collect();
                format!("{address} ({})", names.join(", "))
            })
            .collect();
        described.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(given: &[(&str, Origins)]) -> Addresses {
        let mut addresses = Addresses::default();
        for (address, origins) in given {
            addresses.add([(*address).to_owned()], *origins);
        }
        addresses
    }

    #[test]
    fn an_address_is_one_whoever_says_so() {
        let merged = addresses(&[
            ("192.0.2.2", Origins::SYSTEM),
            ("192.0.2.1", Origins::DOH),
            ("192.0.2.2", Origins::UDP),
        ]);
        assert_eq!(merged.describe(), "192.0.2.1 (doh); 192.0.2.2 (system, udp)");
        assert!(merged.contains("192.0.2.1") && !merged.contains("192.0.2.3"));
    }

    #[test]
    fn the_systems_resolver_comes_first_as_long_as_it_answers() {
        let all = [("a", Origins::DOH), ("b", Origins::UDP), ("c", Origins::SYSTEM)];
        assert_eq!(addresses(&all).preferred(), Some(Origins::SYSTEM));
        assert_eq!(addresses(&all[..2]).preferred(), Some(Origins::UDP));
        assert_eq!(addresses(&all[..1]).preferred(), Some(Origins::DOH));
        assert_eq!(addresses(&[]).preferred(), None);
        assert_eq!(
            addresses(&[("a", Origins::ALL)]).preferred(),
            Some(Origins::SYSTEM)
        );
    }
}
