//! The line of a YAML file that begins a list of values: it has no value itself, and is explained by what follows.

use super::{Kind, Line, Remark};

/// Adds a sentence to each line that only names the option of the list below it.
pub(super) fn explain_heads(lines: &mut [Line]) {
    let mut next_option = String::new();
    for line in lines.iter_mut().rev() {
        if let Some(reading) = line.readings.first() {
            next_option.clone_from(&reading.option);
        } else if is_head(&line.text, &next_option) && line.remarks.is_empty() {
            let text = format!("each item below is one value of `{next_option}`");
            let kind = Kind::Note;
            line.remarks.push(Remark { kind, text });
        }
    }
}

fn is_head(line: &str, option: &str) -> bool {
    let line = line.split(" #").next().unwrap_or_default().trim();
    line.strip_suffix(':').is_some_and(|name| name == option)
}
