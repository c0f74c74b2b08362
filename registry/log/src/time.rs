//! Moments as root documents write them: `2027-11-21T00:00:00Z`. Everywhere else they are seconds since 1970.

use jiff::Timestamp;

/// A text that is no moment, or a moment that has no text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no moment: write one like 2027-11-21T00:00:00Z, of the years 1970 to 9999")]
pub(crate) struct NotAMoment(String);

pub(crate) fn parse(text: &str) -> Result<u64, NotAMoment> {
    let refused = || NotAMoment(text.to_owned());
    let moment: Timestamp = text.parse().map_err(|_| refused())?;
    let seconds = u64::try_from(moment.as_second()).map_err(|_| refused())?;
    // Others read this one way of writing it only.
    if print(seconds)? == text {
        Ok(seconds)
    } else {
        Err(refused())
    }
}

pub(crate) fn print(seconds: u64) -> Result<String, NotAMoment> {
    let moment = i64::try_from(seconds).ok();
    let moment = moment.and_then(|seconds| Timestamp::from_second(seconds).ok());
    let text = moment.map(|moment| moment.to_string());
    text.ok_or_else(|| NotAMoment(seconds.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_one_way() {
        assert_eq!(parse("2027-11-21T00:00:00Z"), Ok(1_826_755_200));
        assert_eq!(print(1_826_755_200).unwrap(), "2027-11-21T00:00:00Z");
        assert_eq!(parse("1970-01-01T00:00:00Z"), Ok(0));
        for text in [
            "2027-11-21T00:00:00.000Z",
            "2027-11-21T00:00:00+00:00",
            "2027-11-21 00:00:00Z",
            "2027-11-21t00:00:00z",
            "2027-11-21T00:00:60Z",
            "2027-02-30T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2027-11-21",
            "",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(print(u64::MAX).is_err());
    }
}
