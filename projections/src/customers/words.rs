//! What customers are searched by: names as people may type them, whatever the script, case and accents.

use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use crate::rows::Cell;

/// Words of a name that are kept; more are no name.
const MAX_WORDS: usize = 16;
/// Characters of a word, or of a whole name, that are compared.
const MAX_CHARS: usize = 100;

/// What is written before a whole name.
pub(super) const WHOLE: char = '=';
/// What is written before an e-mail address.
pub(super) const EMAIL: char = '@';
/// What is written before the digits of a phone number.
pub(super) const NUMBER: char = '#';

/// The folded words of a customer: each word of the name, the whole name, the address.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SearchWords(Vec<String>);

/// Personal data stays out of every debug text.
impl std::fmt::Debug for SearchWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SearchWords(…)")
    }
}

impl SearchWords {
    /// Those of a name and an address.
    pub(super) fn of(name: Option<&str>, email: Option<&str>) -> Self {
        let mut found = Vec::new();
        for words in name.into_iter().flat_map(spellings) {
            found.extend(whole(&words));
            for word in words {
                if word.chars().any(is_unspaced) {
                    let later = word.char_indices().skip(1).map(|(at, _)| word[at..].to_owned());
                    found.extend(later);
                }
                found.push(word);
            }
        }
        found.extend(email.into_iter().flat_map(email_words));
        found.sort_unstable();
        found.dedup();
        Self(found)
    }
}

impl Cell for SearchWords {
    type Sql<'c> = String;

    fn cell(&self) -> String {
        let mut text = String::from("{");
        for (no, word) in self.0.iter().enumerate() {
            text.push_str(if no == 0 { "\"" } else { ",\"" });
            for character in word.chars() {
                if matches!(character, '"' | '\\') {
                    text.push('\\');
                }
                text.push(character);
            }
            text.push('"');
        }
        text.push('}');
        text
    }
}

/// The words of a text in each way that people spell them: `mueller` beside `muller` for `Müller`.
pub(super) fn spellings(text: &str) -> Vec<Vec<String>> {
    let plain = words(&fold(text));
    let expanded: String = text.nfc().flat_map(char::to_lowercase).flat_map(expand).collect();
    let expanded = words(&fold(&expanded));
    if expanded == plain { vec![plain] } else { vec![plain, expanded] }
}

/// The whole name, as it is kept and looked for.
pub(super) fn whole(words: &[String]) -> Option<String> {
    let all: String = std::iter::once(WHOLE).chain(words.join(" ").chars()).collect();
    (!words.is_empty()).then(|| shortened(&all))
}

/// An address, and the same from each word of its local part on.
fn email_words(email: &str) -> impl Iterator<Item = String> {
    let email: String = email.chars().flat_map(char::to_lowercase).collect();
    let local = email.find('@').unwrap_or(email.len());
    let mut starts = vec![0];
    let mut before = None;
    for (at, character) in email[..local].char_indices() {
        if before.is_some_and(|it: char| !it.is_alphanumeric()) && character.is_alphanumeric() {
            starts.push(at);
        }
        before = Some(character);
    }
    let kept = starts.into_iter().take(MAX_WORDS).map(move |at| email_word(&email[at..]));
    kept.collect::<Vec<_>>().into_iter()
}

/// An address or its beginning, as it is kept and looked for.
pub(super) fn email_word(email: &str) -> String {
    std::iter::once(EMAIL).chain(email.chars().flat_map(char::to_lowercase)).collect()
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_CHARS).collect()
}

/// Case and accents folded: full case folding, compatibility decomposition, no diacritics, and a plain
/// letter for those that have no decomposition.
fn fold(text: &str) -> String {
    let decomposed = text.nfkd().filter(|it| !is_accent(*it));
    let folded = decomposed.flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    folded.nfkd().filter(|it| !is_accent(*it)).flat_map(plain).collect()
}

/// Marks that people leave out: diacritics of Latin, Greek and Cyrillic, vowel points of Hebrew and
/// Arabic. The marks of other scripts are letters of their words.
const fn is_accent(character: char) -> bool {
    matches!(
        character,
        '\u{300}'..='\u{36f}'
            | '\u{591}'..='\u{5c7}'
            | '\u{610}'..='\u{61a}'
            | '\u{64b}'..='\u{65f}'
            | '\u{670}'
            | '\u{1ab0}'..='\u{1aff}'
            | '\u{1dc0}'..='\u{1dff}'
            | '\u{fe20}'..='\u{fe2f}'
    )
}

/// Letters that Unicode does not decompose.
fn plain(character: char) -> impl Iterator<Item = char> {
    let text: &'static str = match character {
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ŧ' => "t",
        'ŋ' => "n",
        'ı' => "i",
        'æ' => "ae",
        'œ' => "oe",
        'þ' => "th",
        'ß' => "ss",
        'ə' => "e",
        _ => "",
    };
    let same = text.is_empty().then_some(character);
    same.into_iter().chain(text.chars())
}

/// How umlauts are written where there are none.
fn expand(character: char) -> impl Iterator<Item = char> {
    let text: &'static str = match character {
        'ä' | 'æ' => "ae",
        'ö' | 'ø' | 'œ' => "oe",
        'ü' => "ue",
        'å' => "aa",
        _ => "",
    };
    let same = text.is_empty().then_some(character);
    same.into_iter().chain(text.chars())
}

/// The words of a folded text. An apostrophe parts none: `o'brien` is one word.
fn words(folded: &str) -> Vec<String> {
    let is_apostrophe = |it: char| matches!(it, '\'' | '’' | '‘' | '`' | '´' | 'ʼ' | 'ʻ');
    let joined: String = folded.chars().filter(|it| !is_apostrophe(*it)).collect();
    let is_part = |it: char| it.is_alphanumeric() || is_combining_mark(it);
    let found = joined.split(|it: char| !is_part(it)).filter(|word| !word.is_empty());
    found.take(MAX_WORDS).map(shortened).collect()
}

/// Scripts that write family and given name without a space.
const fn is_unspaced(character: char) -> bool {
    matches!(character, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(name: &str) -> Vec<String> {
        SearchWords::of(Some(name), None).0
    }

    #[test]
    fn a_name_is_folded_by_case_and_accents_of_any_script() {
        for (name, words) in [
            (
                "Özlem Yilmaz",
                ["=oezlem yilmaz", "=ozlem yilmaz", "oezlem", "ozlem", "yilmaz"].as_slice(),
            ),
            ("Anna GROß", &["=anna gross", "anna", "gross"]),
            ("İbrahim IŞIK", &["=ibrahim isik", "ibrahim", "isik"]),
            ("ışık", &["=isik", "isik"]),
            ("Émile", &["=emile", "emile"]),
            ("Łukasz Øst", &["=lukasz oest", "=lukasz ost", "lukasz", "oest", "ost"]),
            ("Иван Петров", &["=иван петров", "иван", "петров"]),
            ("ΟΔΥΣΣΕΥΣ", &["=οδυσσευσ", "οδυσσευσ"]),
            ("Sinéad O’Connor-Smith", &["=sinead oconnor smith", "oconnor", "sinead", "smith"]),
            ("ﬁona", &["=fiona", "fiona"]),
            ("مُحَمَّد", &["=محمد", "محمد"]),
            ("山田太郎", &["=山田太郎", "太郎", "山田太郎", "田太郎", "郎"]),
            ("  ", &[]),
        ] {
            let mut words: Vec<_> = words.to_vec();
            words.sort_unstable();
            assert_eq!(kept(name), words, "{name}");
        }
    }

    #[test]
    fn one_name_is_folded_alike_however_it_is_written() {
        for (name, other) in [
            ("Özlem", "O\u{308}ZLEM"),
            ("STRASSE", "straße"),
            ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
            ("Ａｎｎａ", "anna"),
        ] {
            assert_eq!(kept(name), kept(other), "{name}");
        }
        assert_eq!(kept(&"x".repeat(200)).iter().map(String::len).max(), Some(MAX_CHARS));
    }

    #[test]
    fn an_address_is_found_by_each_word_before_the_at() {
        let words = SearchWords::of(None, Some("Max.Muster+x@Example.com")).0;
        assert_eq!(words, ["@max.muster+x@example.com", "@muster+x@example.com", "@x@example.com"]);
    }

    #[test]
    fn words_are_written_as_an_array_whatever_they_hold() {
        assert_eq!(SearchWords(vec!["@a\"b\\c@d.e".to_owned()]).cell(), r#"{"@a\"b\\c@d.e"}"#);
        assert_eq!(SearchWords::default().cell(), "{}");
    }
}
