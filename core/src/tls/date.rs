//! Dates as OpenSSL's `ASN1_TIME_print` writes them: `Mar  3 03:03:03 2020 GMT`.

use alloc::string::String;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Formats seconds since the Unix epoch as OpenSSL does, with the day padded by a space.
pub fn date_text(unix: u64) -> String {
    let (days, second_of_day) = (unix / 86_400, unix % 86_400);
    let (year, month, day) = civil(days);
    let month = MONTHS.get(month).copied().unwrap_or("?");
    let (hour, minute, second) = (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
    alloc::format!("{month} {day:>2} {hour:02}:{minute:02}:{second:02} {year} GMT")
}

/// Year, month (0 is January) and day for a number of days since 1970-01-01. The computation starts years in March, so that the leap day
/// comes last, and uses eras of 400 years (146 097 days).
fn civil(days: u64) -> (u64, usize, u64) {
    let days = days.saturating_add(719_468);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12;
    let year = era * 400 + year_of_era + u64::from(month < 2);
    (year, usize::try_from(month).unwrap_or(0), day)
}

#[cfg(test)]
mod tests {
    use super::date_text;

    #[test]
    fn dates_look_as_openssl_prints_them() {
        assert_eq!(date_text(0), "Jan  1 00:00:00 1970 GMT");
        // The validity period of MariaDB's test certificates.
        assert_eq!(date_text(1_583_204_583), "Mar  3 03:03:03 2020 GMT");
        assert_eq!(date_text(2_213_924_583), "Feb 27 03:03:03 2040 GMT");
        assert_eq!(date_text(951_782_400), "Feb 29 00:00:00 2000 GMT");
        assert_eq!(date_text(4_107_542_399), "Feb 28 23:59:59 2100 GMT");
        assert_eq!(date_text(253_402_300_799), "Dec 31 23:59:59 9999 GMT");
    }
}
