//! What the standards say about countries, currencies, languages and time zones.
//!
//! Commands are checked against them; events are not, so that a list that changes makes no history
//! unreadable.

mod language_tag;
mod tables;
mod zone_links;

use chrono_tz::Tz;

pub use self::language_tag::language;
use self::tables::{
    COUNTRIES, FOUR_DIGITS, NO_DIGITS, OTHER_REGIONS, THREE_DIGITS, TWO_DIGITS, WITHOUT_NUMBERS,
};
use crate::{master_data::MasterDataError, money::Currency};

fn lists(codes: &str, code: &str) -> bool {
    codes.split(' ').any(|it| it == code)
}

/// Whether a code is a country of ISO 3166-1 alpha-2.
pub fn is_country(code: &str) -> bool {
    lists(COUNTRIES, code)
}

/// Whether a code is a region with telephone numbers of its own.
pub fn is_phone_region(code: &str) -> bool {
    (is_country(code) && !lists(WITHOUT_NUMBERS, code)) || lists(OTHER_REGIONS, code)
}

/// How many digits of a currency are minor units: two for EUR, none for JPY. `None` if ISO 4217 does not
/// list it.
pub fn minor_digits(currency: Currency) -> Option<u8> {
    let code = currency.as_str();
    let by_digits = [(2, TWO_DIGITS), (0, NO_DIGITS), (3, THREE_DIGITS), (4, FOUR_DIGITS)];
    by_digits.into_iter().find(|(_, codes)| lists(codes, code)).map(|(digits, _)| digits)
}

/// The zone by its name in the IANA database: `America/Los_Angeles` for `US/Pacific`. Zones that the
/// database merged since they agree from 1970 on keep the name of their country, and UTC is `UTC`.
pub fn canonical_zone(zone: Tz) -> Tz {
    let found = zone_links::LINKS.binary_search_by(|(link, _)| (*link).cmp(zone.name()));
    let name = found.ok().and_then(|at| zone_links::LINKS.get(at)).map(|(_, name)| *name);
    name.and_then(|name| name.parse().ok()).unwrap_or(zone)
}

/// Refuses what is not a country.
pub(crate) fn check_country(field: &str, code: &str) -> Result<(), MasterDataError> {
    if is_country(code) {
        return Ok(());
    }
    let problem = "Must be a country of ISO 3166-1 alpha-2, such as DE.";
    Err(MasterDataError::invalid(field, problem))
}

/// Refuses what is not a region with telephone numbers.
pub(crate) fn check_phone_region(field: &str, code: &str) -> Result<(), MasterDataError> {
    if is_phone_region(code) {
        return Ok(());
    }
    let problem = "Must be a region with telephone numbers, two capital letters such as DE.";
    Err(MasterDataError::invalid(field, problem))
}

/// Refuses what is not a currency in use.
pub(crate) fn check_currency(field: &str, currency: Currency) -> Result<(), MasterDataError> {
    if minor_digits(currency).is_some() {
        return Ok(());
    }
    Err(MasterDataError::invalid(field, "Must be a currency of ISO 4217, such as EUR."))
}

/// Refuses what is not a language tag in the form that [`language`] gives it.
pub(crate) fn check_language(field: &str, tag: &str) -> Result<(), MasterDataError> {
    if language(tag).as_deref() == Some(tag) {
        return Ok(());
    }
    Err(MasterDataError::invalid(field, "Must be a language tag of BCP 47, such as de or pt-BR."))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Offset as _, TimeZone as _, Utc};
    use chrono_tz::TZ_VARIANTS;

    use super::*;

    #[test]
    fn codes_are_those_of_the_standards() {
        assert!(is_country("DE") && is_country("AQ") && !is_country("XK") && !is_country("de"));
        assert!(is_phone_region("DE") && is_phone_region("XK") && !is_phone_region("AQ"));
        for code in ["", "D", "DEU", "QQ", "DE AT", " "] {
            assert!(!is_country(code) && !is_phone_region(code), "{code}");
        }
        let digits = |code: &str| minor_digits(Currency::try_from(code.to_owned()).expect("ISO"));
        assert_eq!(
            ["EUR", "JPY", "KWD", "CLF", "XXX", "QQQ", "XAU"].map(digits),
            [Some(2), Some(0), Some(3), Some(4), None, None, None]
        );
    }

    #[test]
    fn languages_are_written_as_bcp_47_does() {
        for (tag, written) in [
            ("de", "de"),
            ("DE_at", "de-AT"),
            ("zh-hans-cn", "zh-Hans-CN"),
            ("es-419", "es-419"),
            ("de-CH-1901", "de-CH-1901"),
            ("zh-yue-HK", "zh-yue-HK"),
            ("en-GB-oxendict", "en-GB-oxendict"),
            ("ar-EG-U-NU-latn", "ar-EG-u-nu-latn"),
        ] {
            assert_eq!(language(tag).as_deref(), Some(written));
        }
        for tag in
            ["", "d", "deutsch!", "und", "de-", "123", "de-DE-Latn", "de-u", "Deutsch", "de-DE-AT"]
        {
            assert_eq!(language(tag), None, "{tag}");
        }
    }

    #[test]
    fn zones_have_one_name_and_keep_their_clocks() {
        let name = |zone: &str| canonical_zone(zone.parse().expect("a zone")).name();
        for (link, zone) in [
            ("US/Pacific", "America/Los_Angeles"),
            ("Asia/Calcutta", "Asia/Kolkata"),
            ("Europe/Kiev", "Europe/Kyiv"),
            ("Australia/ACT", "Australia/Sydney"),
            ("Iceland", "Atlantic/Reykjavik"),
            ("Etc/UTC", "UTC"),
            ("Zulu", "UTC"),
            ("Europe/Stockholm", "Europe/Stockholm"),
            ("Europe/Berlin", "Europe/Berlin"),
        ] {
            assert_eq!(name(link), zone);
        }
        assert!(zone_links::LINKS.is_sorted());
        let starts = [0_i64, 1_000_000_000, 1_750_000_000, 1_765_000_000, 1_900_000_000];
        for zone in TZ_VARIANTS {
            let canonical = canonical_zone(zone);
            assert_eq!(canonical_zone(canonical), canonical, "{}", zone.name());
            for start in starts {
                let at = DateTime::<Utc>::from_timestamp(start, 0).expect("an instant");
                let offset = |zone: Tz| zone.offset_from_utc_datetime(&at.naive_utc()).fix();
                assert_eq!(offset(zone), offset(canonical), "{} at {at}", zone.name());
            }
        }
    }
}
