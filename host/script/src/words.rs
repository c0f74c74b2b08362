//! Small help with wording: quoting what a script says, and guessing what it meant.

/// The longest piece of a script that a message repeats, in characters.
const LONGEST: usize = 60;

/// The text in backticks, safe to print and not too long.
pub(crate) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    format!("`{}`", shown.replace("\\\"", "\"").replace("\\'", "'"))
}

/// What the script probably meant, as a hint.
pub(crate) fn did_you_mean<'c>(given: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<String> {
    // Far longer than any name we know: not a misspelling, and too dear to compare.
    if given.len() > 2 * LONGEST {
        return None;
    }
    let (distance, best) = candidates
        .into_iter()
        .map(|candidate| (distance(given, candidate), candidate))
        .min_by_key(|(distance, _)| *distance)?;
    if distance == 0 {
        return Some(format!("did you mean `{best}`? Upper and lower case matter"));
    }
    let close = (best.chars().count() / 3).clamp(1, 4);
    (distance <= close).then(|| format!("did you mean `{best}`?"))
}

/// Edits between two names, not counting case.
fn distance(given: &str, candidate: &str) -> usize {
    strsim::osa_distance(&given.to_lowercase(), &candidate.to_lowercase())
}

/// "a", "a or b", "a, b or c".
pub(crate) fn one_of(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [start @ .., last] => format!("{} or {last}", start.join(", ")),
    }
}
