//! Collecting without sorting.

/// Collect one by one, also into maps and sets. `collect` and `from_iter` of these sort first, and each sort of another type
/// takes some four kilobytes of a guest.
pub fn gather<C: Default + Extend<T>, T>(items: impl IntoIterator<Item = T>) -> C {
    let mut gathered = C::default();
    gathered.extend(items);
    gathered
}
