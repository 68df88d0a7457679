//! Reads phone numbers as people type them (CRM-13, CTR-18).
//!
//! A number that is possible is accepted even if no operator uses its range: numbering plans change
//! faster than tables, and a salon knows its customers. Letters are refused before anything is
//! read, since they would become digits.

use daybook_domain::customer::Phone;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat};

/// A text that is no phone number. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no phone number; write it as +49 151 12345678 or 0151 12345678")]
pub struct NotAPhoneNumber;

/// The number in E.164. `region` is where a number without a country code belongs, such as `DE`.
pub fn parse(text: &str, region: &str) -> Result<Phone, NotAPhoneNumber> {
    let text = text.trim();
    let text = text.strip_prefix("tel:").unwrap_or(text);
    if 40 < text.len() || text.chars().any(char::is_alphabetic) {
        return Err(NotAPhoneNumber);
    }
    let region = region.parse().map_err(|_unknown| NotAPhoneNumber)?;
    let number =
        PHONE_NUMBER_UTIL.parse(text, Some(region)).map_err(|_unreadable| NotAPhoneNumber)?;
    if !PHONE_NUMBER_UTIL.is_possible_number(&number) {
        return Err(NotAPhoneNumber);
    }
    let text = number.format_as(PhoneNumberFormat::E164).into_owned();
    Phone::try_from(text).map_err(|_never| NotAPhoneNumber)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_written_three_ways_is_one_number() {
        for text in ["+49 151 1234567", "0151 123-4567", "0049 151 1234567"] {
            assert_eq!(parse(text, "DE").expect("it reads").as_str(), "+491511234567", "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_numbers_are_refused() {
        for text in ["", "anonymous", "110", "0800 FLOWERS", "12", "+49 30 123456 (privat)"] {
            assert_eq!(parse(text, "DE"), Err(NotAPhoneNumber), "{text}");
        }
    }
}
