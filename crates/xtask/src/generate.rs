//! Writes the pages that come from the option table, and finds out whether they are up to date.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::{compatibility, reference, workspace};

struct Page {
    path: &'static str,
    text: fn() -> String,
}

const PAGES: [Page; 2] = [
    Page {
        path: "docs/reference/options.md",
        text: reference::page,
    },
    Page {
        path: "docs/reference/compatibility.md",
        text: compatibility::page,
    },
];

/// Writes every page.
pub(crate) fn write(root: &Path) -> Result<()> {
    for page in PAGES {
        let path = root.join(page.path);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)
                .with_context(|| format!("cannot make {}", directory.display()))?;
        }
        fs::write(&path, (page.text)()).with_context(|| format!("cannot write {}", page.path))?;
        println!("wrote {}", page.path);
    }
    Ok(())
}

/// Names every page that differs from what the table says.
pub(crate) fn check(root: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for page in PAGES {
        let path = root.join(page.path);
        if !path.is_file() {
            findings.push(format!("{} is missing", page.path));
        } else if workspace::text(&path)? != (page.text)() {
            findings.push(format!("{} is stale", page.path));
        }
    }
    Ok(findings)
}

/// A text that may stand in a cell of a table.
pub(crate) fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
