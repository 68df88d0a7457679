//! Parses phone numbers as people type them (CRM-13, CTR-18, CTR-69).
//!
//! A number is accepted when it is possible as a whole number, even if no numbering plan uses its range:
//! plans change faster than tables, and a salon knows its customers. Whether it is valid as well is
//! returned beside it. A number without its area code is refused: two people of two towns may have it.

use daybook_domain::customer::Phone;
use rlibphonenumber::{
    CountryCodeSource, NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat,
    PhoneNumberType, Region,
};

/// A text that is no phone number. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// No number can be read from it.
    #[error("This is not a phone number. Write it as +49 151 12345678 or 0151 12345678.")]
    NotANumber,
    /// It may be dialled in its own town only.
    #[error("The area code is missing. Write the number as 030 1234567 or +49 30 1234567.")]
    AreaCodeMissing,
}

/// A number that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedPhone {
    /// Number and extension.
    pub phone: Phone,
    /// Whether a numbering plan uses the number.
    pub is_valid: bool,
}

/// Longer than any number with its extension.
const MAX_LEN: usize = 60;
/// No subscriber number without its area code has more digits.
const MAX_LOCAL_DIGITS: usize = 9;

/// Parses a number. `region` is where a number without a country code belongs, such as `DE`.
pub fn parse(text: &str, region: &str) -> Result<ParsedPhone, PhoneError> {
    let text = text.trim();
    let text = text.strip_prefix("tel:").unwrap_or(text);
    if MAX_LEN < text.len() {
        return Err(PhoneError::NotANumber);
    }
    let region: Region = region.parse().map_err(|_unknown| PhoneError::NotANumber)?;
    let number = read(text, region)?;
    if is_without_area_code(text, &number) {
        return Err(PhoneError::AreaCodeMissing);
    }
    let mut whole = number.format_as(PhoneNumberFormat::E164).into_owned();
    if !number.extension().is_empty() {
        whole.push_str(";ext=");
        whole.push_str(number.extension());
    }
    let phone = Phone::try_from(whole).map_err(|_too_long| PhoneError::NotANumber)?;
    Ok(ParsedPhone { phone, is_valid: number.is_valid() })
}

/// The number that a text spells, if it is possible. Letters would become digits, so they may only
/// announce an extension.
fn read(text: &str, region: Region) -> Result<PhoneNumber, PhoneError> {
    let parse = |text: &str| {
        let number = PHONE_NUMBER_UTIL.parse_and_keep_raw_input(text, Some(region));
        number.map_err(|_unreadable| PhoneError::NotANumber)
    };
    let number = parse(text)?;
    if let Some(letter) = text.find(char::is_alphabetic) {
        let before = parse(&text[..letter])?;
        let is_extension = !number.extension().is_empty()
            && before.extension().is_empty()
            && before.country_code == number.country_code
            && before.national_number == number.national_number;
        if !is_extension {
            return Err(PhoneError::NotANumber);
        }
    }
    match number.is_possible_with_reason() {
        Ok(NumberLengthType::IsPossible) => Ok(number),
        Ok(NumberLengthType::IsPossibleLocalOnly) => Err(PhoneError::AreaCodeMissing),
        Err(_impossible) => Err(PhoneError::NotANumber),
    }
}

/// Whether a number may lack its area code. Where numbers have one length the library knows; where they
/// have many, as in Germany or Italy, any digits could be a whole number. There, one that is written
/// with neither country code nor the prefix of national calls is taken as whole only if it is too
/// long for anything else, or shows by its range that it has no area code.
fn is_without_area_code(text: &str, number: &PhoneNumber) -> bool {
    let digits = number.get_national_significant_number().len();
    if number.country_code_source() != CountryCodeSource::FromDefaultCountry
        || MAX_LOCAL_DIGITS < digits
    {
        return false;
    }
    let digits_of = |text: &str| text.chars().filter(|it| it.is_numeric()).count();
    let bare = digits + number.extension().len();
    let takes_prefix = bare < digits_of(&number.format_as(PhoneNumberFormat::National));
    let has_prefix = bare < digits_of(text);
    let is_whole = if takes_prefix {
        let kind = number.get_type();
        has_prefix || matches!(kind, PhoneNumberType::Mobile | PhoneNumberType::TollFree)
    } else {
        has_prefix || number.is_valid()
    };
    !is_whole && takes_area_code(number)
}

/// Whether a number of this region may be longer by an area code.
fn takes_area_code(number: &PhoneNumber) -> bool {
    let mut longer = number.clone();
    longer.national_number = longer.national_number.saturating_mul(10);
    (2..=5).any(|_digits| {
        longer.national_number = longer.national_number.saturating_mul(10);
        PHONE_NUMBER_UTIL.is_possible_number_for_type(&longer, PhoneNumberType::FixedLine)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str, region: &str) -> Result<(String, bool), PhoneError> {
        parse(text, region).map(|it| (it.phone.as_str().to_owned(), it.is_valid))
    }

    #[test]
    fn one_number_written_three_ways_is_one_number() {
        for text in ["+49 151 1234567", "0151 123-4567", "0049 151 1234567"] {
            assert_eq!(number(text, "DE"), Ok(("+491511234567".to_owned(), false)), "{text}");
        }
    }

    #[test]
    fn what_people_type_is_read_whatever_the_region_and_the_script() {
        for (region, text, expected) in [
            ("DE", "0151 12345678", "+4915112345678"),
            ("DE", "(0151) 12 34 56 78", "+4915112345678"),
            ("DE", "+49 (0)151 12345678", "+4915112345678"),
            ("DE", "151 12345678", "+4915112345678"),
            ("DE", "49 151 12345678", "+494915112345678"),
            ("DE", "tel:+49-151-12345678", "+4915112345678"),
            ("DE", "+49\u{a0}151\u{a0}12345678", "+4915112345678"),
            ("DE", "\u{202a}+49 151 12345678\u{202c}", "+4915112345678"),
            ("DE", "\u{ff0b}49 151 12345678", "+4915112345678"),
            ("DE", "٠١٥١١٢٣٤٥٦٧٨", "+4915112345678"),
            ("DE", "+49 30 123456-78", "+493012345678"),
            ("DE", "030 901820", "+4930901820"),
            ("DE", "089/1234567", "+49891234567"),
            ("DE", "0800 1234567", "+498001234567"),
            ("DE", "0900 1 123456", "+499001123456"),
            ("DE", "0043 664 1234567", "+436641234567"),
            ("AT", "0664 1234567", "+436641234567"),
            ("CH", "079 123 45 67", "+41791234567"),
            ("CH", "44 668 18 00", "+41446681800"),
            ("FR", "01 42 68 53 00", "+33142685300"),
            ("FR", "1 42 68 53 00", "+33142685300"),
            ("GB", "020 7946 0018", "+442079460018"),
            ("IT", "06 698 1234", "+39066981234"),
            ("IT", "347 123 4567", "+393471234567"),
            ("TR", "0532 123 45 67", "+905321234567"),
            ("US", "(650) 253-0000", "+16502530000"),
            ("US", "1 650 253 0000", "+16502530000"),
        ] {
            assert_eq!(number(text, region), Ok((expected.to_owned(), true)), "{region} {text}");
        }
    }

    #[test]
    fn a_number_without_its_area_code_is_refused() {
        for (region, text) in [
            ("DE", "123456"),
            ("DE", "4567890"),
            ("DE", "4567891"),
            ("DE", "12345678"),
            ("DE", "12345"),
            ("DE", "110"),
            ("AT", "1234567"),
            ("IT", "1234567"),
            ("US", "253-0000"),
            ("GB", "7946 0018"),
        ] {
            assert_eq!(number(text, region), Err(PhoneError::AreaCodeMissing), "{region} {text}");
        }
    }

    #[test]
    fn an_extension_is_kept_and_tells_numbers_apart() {
        for (text, expected) in [
            ("+49 30 1234567 ext. 5", "+49301234567;ext=5"),
            ("+49 30 1234567;ext=5", "+49301234567;ext=5"),
            ("030 1234567 x12", "+49301234567;ext=12"),
        ] {
            assert_eq!(number(text, "DE"), Ok((expected.to_owned(), true)), "{text}");
        }
        let phone = parse("030 1234567 ext 5", "DE").expect("a number").phone;
        assert_eq!((phone.e164(), phone.extension()), ("+49301234567", Some("5")));
    }

    #[test]
    fn texts_that_are_no_numbers_are_refused() {
        for text in [
            "",
            "anonymous",
            "0800 FLOWERS",
            "+1 800 FLOWERS",
            "12",
            "0151",
            "+49",
            "+49 30 123456 (privat)",
            "+4915112345678901234",
            "011 49 151 12345678",
        ] {
            assert!(number(text, "DE").is_err(), "{text}");
        }
        assert_eq!(number("0151 12345678", "QQ"), Err(PhoneError::NotANumber));
    }
}
