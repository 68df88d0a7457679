//! The search for customers: the best matches for what somebody types.

use std::{collections::BTreeMap, fmt};

use daybook_domain::ids::{CompanyId, TenantId};
use sqlx::{PgConnection, types::Json};

use super::{
    CustomerRow,
    queries::{CustomerFilter, Erasure},
    words::{NUMBER, email_word, spellings, whole},
};

/// Digits of a number that are worth a search.
pub const MIN_DIGITS: usize = 4;
/// Words that are looked for; more are ignored.
const MAX_TERMS: usize = 8;
/// More matches of a term are not counted.
const MAX_COUNTED: i64 = 2000;
/// Behind every word that begins so.
const END: char = char::MAX;

/// Words that begin alike, and how good a match they are: 0 is best.
#[derive(Clone, PartialEq, Eq)]
struct Range {
    rank: i16,
    from: String,
    to: String,
}

impl Range {
    fn beginning(rank: i16, from: String) -> Self {
        let to = format!("{from}{END}");
        Self { rank, from, to }
    }

    fn exactly(rank: i16, from: String) -> Self {
        // No word holds a control character.
        let to = format!("{from}\u{1}");
        Self { rank, from, to }
    }
}

/// What a customer has to have: a word of one of these ranges. Terms that stand with others have two at
/// most.
type Term = Vec<Range>;

/// What customers are searched for. All of it has to match.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CustomerSearch {
    terms: Vec<Term>,
    /// Whole names that match however their words do.
    names: Vec<Range>,
    is_asked: bool,
}

/// What is searched for may be personal.
impl fmt::Debug for CustomerSearch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerSearch(…)")
    }
}

/// A phone number of too few digits to be searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("At least four digits of a phone number are required.")]
pub struct TooFewDigits;

impl CustomerSearch {
    /// Whether anything is searched for.
    pub const fn is_asked(&self) -> bool {
        self.is_asked
    }

    /// Narrows to customers whose name, address or number match what somebody typed: the beginning of any
    /// word of the name, the beginning of the address, at least four digits of the number.
    pub fn any(&mut self, text: &str) {
        self.is_asked = true;
        let text = text.trim();
        let digits = digits_of(text);
        if is_number(text) && MIN_DIGITS <= digits.len() {
            self.terms.push(number(&digits));
            return;
        }
        if self.terms.is_empty() {
            let names = spellings(text).into_iter().filter_map(|words| whole(&words));
            self.names = names.map(|name| Range::beginning(0, name)).collect();
        }
        let parts: Vec<Term> = text.split_whitespace().flat_map(part).collect();
        if let ([single], false) = (parts.as_slice(), text.contains('@')) {
            let emails = single.iter().map(|it| Range::beginning(2, email_word(&it.from)));
            self.terms.push(single.iter().cloned().chain(emails).collect());
        } else {
            self.terms.extend(parts);
        }
    }

    /// Narrows to customers with words of their name that begin so, in any order.
    pub fn name(&mut self, text: &str) {
        self.narrow();
        self.terms.extend(by_position(text).map(|alternatives| name_word(&alternatives)));
    }

    /// Narrows to customers with these digits in their phone number, as people type them.
    pub fn phone(&mut self, text: &str) -> Result<(), TooFewDigits> {
        self.narrow();
        let digits = digits_of(text);
        if digits.len() < MIN_DIGITS {
            return Err(TooFewDigits);
        }
        self.terms.push(number(&digits));
        Ok(())
    }

    /// Narrows to customers with this address.
    pub fn email(&mut self, text: &str) {
        self.narrow();
        self.terms.push(vec![Range::exactly(2, email_word(text.trim()))]);
    }

    /// What comes besides has to match, too, so that a whole name is not enough.
    fn narrow(&mut self) {
        self.is_asked = true;
        self.names.clear();
    }
}

/// What has to match for a part of a text: an address, or words of a name, each of which may be digits of a
/// number.
fn part(text: &str) -> Vec<Term> {
    if text.contains('@') {
        return vec![vec![Range::beginning(2, email_word(text))]];
    }
    let words = by_position(text).map(|alternatives| {
        let mut term = name_word(&alternatives);
        let digits = alternatives.first().map(|word| digits_of(word)).unwrap_or_default();
        if MIN_DIGITS <= digits.len() && alternatives == [digits.as_str()] {
            term.push(Range::beginning(3, format!("{NUMBER}{digits}")));
        }
        term
    });
    words.collect()
}

/// The words of a text, each in all its spellings.
fn by_position(text: &str) -> impl Iterator<Item = Vec<String>> {
    let spellings = spellings(text);
    let count = spellings.iter().map(Vec::len).max().unwrap_or(0);
    (0..count).map(move |at| {
        let mut words: Vec<String> =
            spellings.iter().filter_map(|words| words.get(at).cloned()).collect();
        words.dedup();
        words
    })
}

fn name_word(alternatives: &[String]) -> Term {
    alternatives.iter().map(|word| Range::beginning(1, word.clone())).collect()
}

/// Digits as they stand, and without the zeros of a national or an international call.
fn number(digits: &str) -> Term {
    let bare = digits.trim_start_matches('0');
    let mut written = vec![digits];
    if bare != digits && MIN_DIGITS <= bare.len() {
        written.push(bare);
    }
    written.into_iter().map(|it| Range::beginning(3, format!("{NUMBER}{it}"))).collect()
}

fn digits_of(text: &str) -> String {
    // `+49 (0)151`: the zero is for those who call from within.
    let text = text.replace("(0)", "");
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Whether a text can only be a phone number.
fn is_number(text: &str) -> bool {
    let is_part = |it: char| it.is_ascii_digit() || it.is_whitespace() || "+-/().".contains(it);
    text.chars().all(is_part)
}

/// The best matches, at most `limit`: those whose whole name begins with what was typed, then by any word
/// of the name, by address, by number; among equals in the order of the alphabet.
pub(super) async fn search(
    connection: &mut PgConnection,
    tenant: TenantId,
    filter: &CustomerFilter,
    limit: u32,
) -> Result<Vec<CustomerRow>, sqlx::Error> {
    let terms = by_selectivity(connection, tenant, filter).await?;
    let Some((first, others)) = terms.split_first() else { return Ok(Vec::new()) };
    let driving: Vec<&Range> = filter.search.names.iter().chain(first.iter()).collect();
    let nth = |n: usize, of: fn(&Range) -> &str| {
        others.iter().map(|term| term.get(n).map(of)).collect::<Vec<Option<&str>>>()
    };
    let rows: Vec<Json<CustomerRow>> = sqlx::query_scalar(include_str!("search.sql"))
        .bind(tenant.uuid())
        .bind(filter.company_id.map(CompanyId::uuid))
        .bind(driving.iter().map(|it| it.rank).collect::<Vec<i16>>())
        .bind(driving.iter().map(|it| it.from.as_str()).collect::<Vec<_>>())
        .bind(driving.iter().map(|it| it.to.as_str()).collect::<Vec<_>>())
        .bind(nth(0, |it| &it.from))
        .bind(nth(0, |it| &it.to))
        .bind(nth(1, |it| &it.from))
        .bind(nth(1, |it| &it.to))
        .bind(i64::from(limit))
        .bind(filter.erasure.map(Erasure::as_str))
        .bind(filter.external_ref.as_deref())
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// What is searched for, the term that fewest customers have first: it is the one that is read, and the
/// others are looked up for each customer.
async fn by_selectivity<'s>(
    connection: &mut PgConnection,
    tenant: TenantId,
    filter: &'s CustomerFilter,
) -> Result<Vec<&'s Term>, sqlx::Error> {
    let mut terms: Vec<&Term> = filter.search.terms.iter().take(MAX_TERMS).collect();
    if terms.len() < 2 {
        return Ok(terms);
    }
    let ranges: Vec<(i32, &Range)> =
        (0..).zip(&terms).flat_map(|(no, term)| term.iter().map(move |it| (no, it))).collect();
    let counted: Vec<(i32, i64)> = sqlx::query_as(include_str!("count.sql"))
        .bind(tenant.uuid())
        .bind(filter.company_id.map(CompanyId::uuid))
        .bind(ranges.iter().map(|(no, _)| *no).collect::<Vec<i32>>())
        .bind(ranges.iter().map(|(_, it)| it.from.as_str()).collect::<Vec<_>>())
        .bind(ranges.iter().map(|(_, it)| it.to.as_str()).collect::<Vec<_>>())
        .bind(MAX_COUNTED)
        .fetch_all(connection)
        .await?;
    let counted: BTreeMap<i32, i64> = counted.into_iter().collect();
    let mut numbered: Vec<(i32, &Term)> = (0..).zip(terms).collect();
    numbered.sort_by_key(|(no, _)| counted.get(no).copied().unwrap_or(0));
    terms = numbered.into_iter().map(|(_, term)| term).collect();
    Ok(terms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn froms(term: &Term) -> Vec<&str> {
        term.iter().map(|it| it.from.as_str()).collect()
    }

    fn any(text: &str) -> CustomerSearch {
        let mut search = CustomerSearch::default();
        search.any(text);
        search
    }

    #[test]
    fn a_number_is_searched_for_however_it_is_typed() {
        for (typed, digits) in [
            ("0171 2345678", ["#01712345678", "#1712345678"].as_slice()),
            ("+49 (0)171 2345678", &["#491712345678"]),
            ("0049-171/2345678", &["#00491712345678", "#491712345678"]),
            ("5678", &["#5678"]),
        ] {
            assert_eq!(froms(&any(typed).terms[0]), digits, "{typed}");
        }
        let mut search = CustomerSearch::default();
        assert_eq!(search.phone("171"), Err(TooFewDigits));
    }

    #[test]
    fn every_word_of_a_name_has_to_match_in_any_of_its_spellings() {
        let search = any("an Müller");
        assert_eq!(froms(&search.names), ["=an muller", "=an mueller"]);
        assert_eq!(froms(&search.terms[0]), ["an"]);
        assert_eq!(froms(&search.terms[1]), ["muller", "mueller"]);
        assert_eq!(froms(&any("Müller").terms[0]), ["muller", "mueller", "@muller", "@mueller"]);
        assert_eq!(froms(&any("anna 1234").terms[1]), ["1234", "#1234"]);
        assert!(any("!?").terms.is_empty() && any("!?").is_asked());
        assert_eq!(froms(&any("Max@Exa").terms[0]), ["@max@exa"]);
    }
}
