//! Times on the wire: RFC 3339, UTC, milliseconds.

use std::{fmt, time::Duration};

use chat_domain::time::Timestamp;
use serde::{Serialize, Serializer};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

const FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// The last millisecond of the year 9999: four digits are all that the format has.
pub const END_OF_TIME: Timestamp = Timestamp::from_millis(253_402_300_799_999);

/// A point in time as clients read it: `2026-11-23T10:00:00.000Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Timestamp);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.min(END_OF_TIME).as_millis();
        let nanos = i128::from(millis) * 1_000_000;
        let time = OffsetDateTime::from_unix_timestamp_nanos(nanos).map_err(|_| fmt::Error)?;
        f.write_str(&time.format(FORMAT).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A span of time on the wire: whole milliseconds.
pub fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_milliseconds_and_ends_in_z() {
        let time = Time(Timestamp::from_millis(1_795_428_000_007));

        assert_eq!(time.to_string(), "2026-11-23T10:00:00.007Z");
    }

    #[test]
    fn what_lies_beyond_the_year_9999_is_its_last_moment() {
        let time = Time(Timestamp::from_millis(u64::MAX));

        assert_eq!(time.to_string(), "9999-12-31T23:59:59.999Z");
    }
}
