//! An explanation for tools.

use serde_json::{Value, json};

use super::{Explanation, Line, Reading, Remark};
use crate::report;

/// The whole explanation as one JSON object.
pub(super) fn render(explanation: &Explanation) -> String {
    let counts: serde_json::Map<String, Value> = explanation
        .counts()
        .iter()
        .map(|(word, count)| (word.name().to_owned(), json!(count)))
        .collect();
    let whole = json!({
        "file": explanation.file,
        "kind": explanation.kind,
        "lines": explanation.lines.iter().map(line).collect::<Vec<_>>(),
        "advice": explanation.advice.iter().map(remark).collect::<Vec<_>>(),
        "problems": report::problems_json(&explanation.problems),
        "native": explanation.native,
        "counts": counts,
    });
    format!("{whole:#}\n")
}

fn line(line: &Line) -> Value {
    json!({
        "number": line.number,
        "text": line.text,
        "options": line.readings.iter().map(reading).collect::<Vec<_>>(),
        "remarks": line.remarks.iter().map(remark).collect::<Vec<_>>(),
    })
}

fn reading(reading: &Reading) -> Value {
    json!({
        "option": reading.option,
        "value": reading.value,
        "verdict": reading.word.name(),
        "sentence": reading.sentence,
        "remarks": reading.remarks.iter().map(remark).collect::<Vec<_>>(),
    })
}

fn remark(remark: &Remark) -> Value {
    json!({ "kind": remark.kind.name(), "text": remark.text })
}
