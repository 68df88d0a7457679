//! A refusal: a rule said no. Data with a stable code, as against a failure of the machinery.

use serde_json::Value;

/// What kind of no it is; the HTTP layer maps it to a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// A field of the request is wrong whatever the state is.
    Invalid,
    /// The thing named does not exist for this tenant.
    NotFound,
    /// The state does not allow it now: another status, a taken place.
    Conflict,
    /// A policy of the company does not allow it.
    Policy,
    /// A limit is used up.
    Limit,
}

/// A business rule's no.
pub trait Refusal: std::fmt::Display + std::fmt::Debug + Send + Sync {
    /// The stable code that a client may branch on, in capitals: `APPOINTMENT_CONFLICT`.
    fn code(&self) -> &'static str;

    /// What kind of no it is.
    fn kind(&self) -> RefusalKind;

    /// The field of the request that is at fault, if one is.
    fn field(&self) -> Option<String> {
        None
    }

    /// What a client needs to go on: the conflicting id, the next free starts, the fee.
    fn details(&self) -> Option<Value> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        fs,
        path::{Path, PathBuf},
    };

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("the sources can be listed").flatten() {
            let path = entry.path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }

    /// The sentences of an enum's variants, by their names.
    fn sentences(source: &str) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for text in source.split("#[error(\"").skip(1) {
            let Some((sentence, rest)) = text.split_once("\")]") else { continue };
            let variant: String =
                rest.trim_start().chars().take_while(char::is_ascii_alphanumeric).collect();
            found.insert(variant, sentence.to_owned());
        }
        found
    }

    /// The codes of an enum's variants, from `fn code`.
    fn codes(source: &str) -> Vec<(String, String)> {
        let Some((_, code)) = source.split_once("fn code(&self)") else { return Vec::new() };
        let code = code.split_once("\n    }").map_or(code, |(code, _)| code);
        let mut found = Vec::new();
        let mut variants: Vec<String> = Vec::new();
        for line in code.lines() {
            for part in line.split("Self::").skip(1) {
                variants.push(part.chars().take_while(char::is_ascii_alphanumeric).collect());
            }
            if let Some((_, after)) = line.split_once("=> \"") {
                let code = after.split('"').next().unwrap_or_default();
                found.extend(variants.drain(..).map(|variant| (variant, code.to_owned())));
            } else if line.trim_end().ends_with(',') {
                variants.clear();
            }
        }
        found
    }

    #[test]
    fn no_two_codes_say_the_same() {
        let mut files = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
        let mut by_sentence: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut seen = 0;
        for file in files {
            let source = fs::read_to_string(&file).expect("the sources are texts");
            if !source.contains("impl Refusal for") {
                continue;
            }
            let sentences = sentences(&source);
            for (variant, code) in codes(&source) {
                let Some(sentence) = sentences.get(&variant) else { continue };
                // One that is put together says what its parts say.
                if sentence.starts_with('{') {
                    continue;
                }
                seen += 1;
                by_sentence.entry(sentence.clone()).or_default().insert(code);
            }
        }
        assert!(30 <= seen, "only {seen} sentences were found");
        let alike: Vec<_> = by_sentence.iter().filter(|(_, codes)| 1 < codes.len()).collect();
        // The reference, the name and the phone number are one refusal, which names its field.
        let alike: Vec<_> =
            alike.into_iter().filter(|(sentence, _)| !sentence.contains("{field}")).collect();
        assert!(alike.is_empty(), "these codes say the same: {alike:#?}");
    }
}
