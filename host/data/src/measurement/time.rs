//! Times as df-000 writes them.

use std::time::SystemTime;

/// `YYYY-MM-DD hh:mm:ss` in UTC. A time that the calendar can not express becomes the epoch.
pub(super) fn format(time: SystemTime) -> String {
    let timestamp = jiff::Timestamp::try_from(time).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    timestamp.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn seconds_are_whole_and_utc() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_999);
        assert_eq!(format(time), "2023-11-14 22:13:20");
    }
}
