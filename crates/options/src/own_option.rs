//! Options made of others: `declare-option = site=chdir=/srv/$1;module=$2` makes `site = shop app` a
//! short way to write both.

use crate::bounds::{Growth, TooMuch};

/// An option somebody declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnOption {
    /// Its name.
    pub(crate) name: String,
    parts: Vec<(String, String)>,
}

/// Numbers go up to here; nobody counts further.
const MOST_WORDS: usize = 99;

impl OwnOption {
    /// Reads `name=option=value;option=value`.
    pub(crate) fn declared(text: &str) -> Option<Self> {
        let (name, parts) = text.split_once('=')?;
        let parts: Vec<(String, String)> = parts
            .split(';')
            .filter(|part| !part.trim().is_empty())
            .map(|part| part.split_once('=').unwrap_or((part, "")))
            .map(|(key, value)| (key.trim().to_owned(), value.to_owned()))
            .collect();
        let name = name.trim().to_owned();
        (!name.is_empty() && !parts.is_empty()).then_some(Self { name, parts })
    }

    /// The options it stands for: `$1` is the first word of the value. A number without a word
    /// stays as it is.
    pub(crate) fn stands_for(
        &self,
        value: &str,
        growth: &mut Growth,
    ) -> Result<Vec<(String, String)>, TooMuch> {
        let words = value.split(' ').filter(|word| !word.is_empty());
        let mut words: Vec<&str> = words.take(MOST_WORDS).collect();
        if words.is_empty() {
            words.push("");
        }
        let mut filled = |text: &String| {
            let mut numbered = words.iter().enumerate().rev();
            numbered.try_fold(text.clone(), |text, (index, word)| {
                growth.replaced(&text, &format!("${}", index + 1), word)
            })
        };
        self.parts
            .iter()
            .map(|(key, value)| Ok((key.clone(), filled(value)?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(declared: &str, value: &str) -> String {
        let own = OwnOption::declared(declared).unwrap();
        let options = own.stands_for(value, &mut Growth::default()).unwrap();
        let options: Vec<String> = options
            .into_iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        options.join(";")
    }

    #[test]
    fn words_fill_the_numbers() {
        // Compared with uWSGI 2.0.31.
        let declared = "site=print=[$1-$2-$0-$3];env=x$1";
        assert_eq!(expanded(declared, "one"), "print=[one-$2-$0-$3];env=xone");
        assert_eq!(
            expanded(declared, "\"a b\" c"),
            "print=[\"a-b\"-$0-c];env=x\"a"
        );
        assert_eq!(expanded(declared, ""), "print=[-$2-$0-$3];env=x");
    }

    #[test]
    fn declarations_need_a_name_and_a_part() {
        assert_eq!(OwnOption::declared("site"), None);
        assert_eq!(OwnOption::declared("=a=b"), None);
        assert_eq!(OwnOption::declared("site= ; "), None);
        assert_eq!(expanded("site=master", "x"), "master=");
    }
}
