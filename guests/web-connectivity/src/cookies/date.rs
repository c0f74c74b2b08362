//! Dates as servers write them (RFC 6265, section 5.1.1): in any order, with anything between the parts.

/// Seconds since 1970; none for what is no date.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    let is_delimiter = |c: char| !(c.is_ascii_alphanumeric() || c == ':');
    for token in text.split(is_delimiter).filter(|token| !token.is_empty()) {
        if time.is_none() && token.contains(':') {
            time = Some(clock(token)?);
        } else if month.is_none() && starts_with_month(token).is_some() {
            month = starts_with_month(token);
        } else if let Ok(number) = token.parse::<i64>() {
            if day.is_none() && token.len() <= 2 {
                day = Some(number);
            } else if year.is_none() {
                year = Some(match number {
                    70..=99 => number + 1900,
                    0..=69 => number + 2000,
                    number => number,
                });
            }
        }
    }
    let (day, month, year) = (day?, month?, year?);
    if !(1..=31).contains(&day) || !(1601..=9999).contains(&year) {
        return None;
    }
    Some(days_since_1970(year, month, day) * 86_400 + time?)
}

/// Seconds since midnight.
fn clock(token: &str) -> Option<i64> {
    let mut parts = token.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let is_valid = hour < 24 && minute < 60 && second < 60;
    is_valid.then_some(hour * 3600 + minute * 60 + second)
}

fn starts_with_month(token: &str) -> Option<i64> {
    const MONTHS: &str = "janfebmaraprmayjunjulaugsepoctnovdec";
    let start = token.get(..3)?.to_ascii_lowercase();
    let index = MONTHS
        .match_indices(&start)
        .map(|(index, _)| index)
        .find(|index| index % 3 == 0)?;
    i64::try_from(index / 3 + 1).ok()
}

/// Of the Gregorian calendar. A year that begins with March has its leap day at its end.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    let before_month = (153 * month + 2) / 5;
    year * 365 + leap_days + before_month + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_in_the_spellings_of_the_field() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse(text), Some(784_111_777), "{text}");
        }
        assert_eq!(parse("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(parse("Tue, 29 Feb 2028 00:00:00 GMT"), Some(1_835_395_200));
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "",
            "never",
            "06 Nov 1994",
            "99 Nov 1994 08:49:37",
            "06 Nov 1994 25:00:00",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
