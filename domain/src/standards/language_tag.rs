//! Language tags: RFC 5646, which is BCP 47.

/// What may still come in a tag; each part comes once, and in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    ExtendedLanguage,
    Script,
    Region,
    Variant,
    Extension,
}

/// A language tag as BCP 47 writes it: `de-AT` for `DE_at`. `None` if it is not well-formed, or names no
/// language.
pub fn language(tag: &str) -> Option<String> {
    if 35 < tag.len() || !tag.is_ascii() {
        return None;
    }
    let mut subtags = tag.split(['-', '_']);
    let language = subtags.next()?.to_ascii_lowercase();
    let is_language = (2..=3).contains(&language.len()) && is_alphabetic(&language);
    if !is_language || language == "und" {
        return None;
    }
    let mut written = language;
    let mut next = Part::ExtendedLanguage;
    let mut is_extension_empty = false;
    for subtag in subtags {
        if !(1..=8).contains(&subtag.len()) || !subtag.bytes().all(|it| it.is_ascii_alphanumeric())
        {
            return None;
        }
        written.push('-');
        if next == Part::Extension || subtag.len() == 1 {
            is_extension_empty = subtag.len() == 1;
            next = Part::Extension;
            written.push_str(&subtag.to_ascii_lowercase());
            continue;
        }
        let (part, subtag) = part(subtag, next)?;
        // There may be several variants, and nothing else comes twice.
        if part < next {
            return None;
        }
        next = if part == Part::Variant { part } else { after(part) };
        written.push_str(&subtag);
    }
    (!is_extension_empty).then_some(written)
}

fn is_alphabetic(text: &str) -> bool {
    text.bytes().all(|it| it.is_ascii_alphabetic())
}

/// What a subtag is, and how it is written.
fn part(subtag: &str, next: Part) -> Option<(Part, String)> {
    let lower = subtag.to_ascii_lowercase();
    let is_number = subtag.bytes().all(|it| it.is_ascii_digit());
    match subtag.len() {
        2 if is_alphabetic(subtag) => Some((Part::Region, subtag.to_ascii_uppercase())),
        3 if is_number => Some((Part::Region, lower)),
        3 if is_alphabetic(subtag) && next == Part::ExtendedLanguage => {
            Some((Part::ExtendedLanguage, lower))
        }
        4 if is_alphabetic(subtag) => {
            let (first, rest) = lower.split_at(1);
            Some((Part::Script, first.to_ascii_uppercase() + rest))
        }
        4 if subtag.starts_with(|it: char| it.is_ascii_digit()) => Some((Part::Variant, lower)),
        5..=8 => Some((Part::Variant, lower)),
        _ => None,
    }
}

const fn after(part: Part) -> Part {
    match part {
        Part::ExtendedLanguage => Part::Script,
        Part::Script => Part::Region,
        Part::Region => Part::Variant,
        Part::Variant | Part::Extension => Part::Extension,
    }
}
