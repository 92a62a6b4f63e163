//! How much of other people's configurations is served: reads every file of a directory, explains
//! it, and counts what becomes of the options.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use options::Machine;
use options::explain::{Word, explain};
use options::table::{self, Verdict};

/// What this share of the recognised options has to be, in percent.
const WANTED: usize = 75;

/// Counts and tells; `false` when too little is active or a line has no sentence.
pub(crate) fn count(directory: &Path) -> Result<bool> {
    let mut words: BTreeMap<Word, usize> = BTreeMap::new();
    let mut features: BTreeMap<&str, usize> = BTreeMap::new();
    let mut well = true;
    let mut paths: Vec<_> = fs::read_dir(directory)
        .with_context(|| format!("cannot list {}", directory.display()))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.sort();
    paths.retain(|path| is_configuration(path));
    for path in &paths {
        let name = path.display().to_string();
        let explanation = match explain(&name, &[], &Machine) {
            Ok(explanation) => explanation,
            Err(problem) => {
                println!("{name}: {}", problem.what);
                well = false;
                continue;
            }
        };
        for (word, count) in explanation.counts() {
            *words.entry(word).or_default() += count;
        }
        let readings = explanation.lines.iter().flat_map(|line| &line.readings);
        for reading in readings.filter(|reading| reading.word == Word::Planned) {
            if let Some(feature) = feature(&reading.option) {
                *features.entry(feature).or_default() += 1;
            }
        }
    }
    println!("{} files", paths.len());
    tell(&words, &features);
    Ok(well && share(&words) >= WANTED)
}

fn is_configuration(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(
        extension,
        Some("ini" | "yaml" | "yml" | "json" | "xml" | "toml")
    )
}

fn feature(option: &str) -> Option<&'static str> {
    match table::find(option)?.verdict {
        Verdict::Planned(feature) => Some(feature),
        _ => None,
    }
}

fn share(words: &BTreeMap<Word, usize>) -> usize {
    let sum = |wanted: fn(Word) -> bool| -> usize {
        let counted = words.iter().filter(|(word, _)| wanted(**word));
        counted.map(|(_, count)| count).sum()
    };
    sum(Word::is_active) * 100 / sum(Word::is_of_uwsgi).max(1)
}

fn tell(words: &BTreeMap<Word, usize>, features: &BTreeMap<&str, usize>) {
    for (word, count) in words {
        println!("{count:6} {}", word.name());
    }
    println!(
        "{:5}% of the options are active or need nothing",
        share(words)
    );
    let mut features: Vec<_> = features.iter().collect();
    features.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    println!("what is planned, by feature:");
    for (feature, count) in features {
        println!("{count:6} {feature}");
    }
}
