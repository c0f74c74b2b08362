//! Bundles of entries: each with its length, two bytes, in front.

use super::WIDTH;

/// The longest entry, in bytes: what a length of two bytes can say.
pub const MAX_ENTRY: usize = 65_535;

/// An entry that no bundle can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the entry has {0} bytes: a log holds entries of at most {MAX_ENTRY}; put the hash of the content in it"
)]
pub struct EntryTooLong(pub usize);

/// Why bytes are no bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The bytes end within an entry.
    #[error("the bundle ends within its entry {0}")]
    Cut(usize),
    /// More than a bundle holds.
    #[error("the bundle has more than {WIDTH} entries")]
    TooMany,
}

/// An entry as it stands in a bundle.
pub(crate) fn encode(entry: &[u8]) -> Result<Vec<u8>, EntryTooLong> {
    let len = u16::try_from(entry.len()).map_err(|_| EntryTooLong(entry.len()))?;
    Ok([&len.to_be_bytes()[..], entry].concat())
}

/// The entries of a bundle.
pub(crate) fn entries(mut bundle: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::new();
    while !bundle.is_empty() {
        if entries.len() == WIDTH {
            return Err(BundleError::TooMany);
        }
        let cut = BundleError::Cut(entries.len());
        let (len, rest) = bundle.split_first_chunk().ok_or(cut)?;
        let (entry, rest) = rest
            .split_at_checked(usize::from(u16::from_be_bytes(*len)))
            .ok_or(cut)?;
        entries.push(entry);
        bundle = rest;
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_longest_entry_fits_and_one_byte_more_does_not() {
        let longest = vec![7; MAX_ENTRY];
        let bundle = [encode(&[]).unwrap(), encode(&longest).unwrap()].concat();
        assert_eq!(entries(&bundle).unwrap(), [&[][..], &longest]);
        assert_eq!(encode(&vec![7; MAX_ENTRY + 1]), Err(EntryTooLong(65_536)));
    }

    #[test]
    fn a_bundle_that_ends_early_or_never_is_refused() {
        assert_eq!(entries(&[0]), Err(BundleError::Cut(0)));
        assert_eq!(entries(&[0, 1, 9, 0, 2, 9]), Err(BundleError::Cut(1)));
        assert_eq!(entries(&[0; 512]).unwrap().len(), 256);
        assert_eq!(entries(&[0; 514]), Err(BundleError::TooMany));
    }

    fn encode_all<T: AsRef<[u8]>>(all: &[T]) -> Vec<u8> {
        all.iter()
            .flat_map(|entry| encode(entry.as_ref()).unwrap())
            .collect()
    }

    proptest! {
        #[test]
        fn entries_survive_a_bundle(all in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..256)) {
            let bundle = encode_all(&all);
            prop_assert_eq!(entries(&bundle).unwrap(), all);
        }

        #[test]
        fn what_is_read_is_written_the_same(bytes in prop::collection::vec(0..4_u8, 0..600)) {
            if let Ok(read) = entries(&bytes) {
                prop_assert_eq!(encode_all(&read), bytes);
            }
        }
    }
}
