//! The data dictionary, written for people and for programs.

use std::fmt::Write as _;

use daybook_projections::reporting::{ViewEntry, dictionary};

use crate::{say, source::Source};

/// The dictionary for people.
fn markdown(entries: &[ViewEntry]) -> Result<String, std::fmt::Error> {
    let mut text = "# Data dictionary of schema `reporting`\n".to_owned();
    for entry in entries {
        write!(text, "\n## reporting.{}\n\n", entry.view)?;
        if let Some(meaning) = &entry.meaning {
            write!(text, "{meaning}\n\n")?;
        }
        text.push_str("| Column | Type | Meaning |\n|---|---|---|\n");
        for column in &entry.columns {
            let comment = column.comment.as_deref().unwrap_or_default().replace('|', "\\|");
            writeln!(text, "| `{}` | {} | {comment} |", column.name, column.sql_type)?;
        }
    }
    Ok(text)
}

pub(crate) async fn run(source: &Source, as_json: bool) -> anyhow::Result<()> {
    let mut session = source.analyst(None).await?;
    let entries = dictionary(&mut session.connection).await;
    session.close().await;
    let entries = entries?;
    if as_json {
        return entries.iter().try_for_each(|entry| say(&serde_json::to_string(entry)?));
    }
    say(markdown(&entries)?.trim_end())
}
