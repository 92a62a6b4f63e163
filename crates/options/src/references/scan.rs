//! Finds the references of a text and puts in what they stand for, in the order and with the limits
//! of uWSGI, every one of which was seen in runs of 2.0.31:
//!
//! - What was put in is looked at again, together with what stands around it. The innermost
//!   reference comes first.
//! - Once something was put in, nothing at the very start of the text counts as a reference.
//! - A sign (`$`, `@`, `%`) or an opening bracket inside the brackets makes them plain text, unless
//!   it begins a reference of its own; so does a reference inside that has no answer.

use std::collections::VecDeque;

/// What was put in may hold references, and so on, this deep. uWSGI never ends when one of them
/// leads back to itself.
pub(crate) const DEEPEST: usize = 100;

/// Openings that are remembered while what stands inside of them is read.
const MOST_OPEN: usize = 1000;

/// References lead to references without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooDeep;

/// Replaces every reference that begins with `sign` and a bracket by what `with` makes of its
/// inside; where it has no answer the text stays.
pub(crate) fn replace(
    text: &str,
    sign: char,
    with: &mut dyn FnMut(&str) -> Option<String>,
) -> Result<String, TooDeep> {
    if !text.contains(sign) {
        return Ok(text.to_owned());
    }
    let mut scan = Scan {
        sign,
        output: String::with_capacity(text.len()),
        state: State::Outside,
        before: VecDeque::new(),
        has_replaced: false,
        pieces: vec![Piece::new(text.to_owned(), 0)],
    };
    while scan.step(with)? {}
    Ok(scan.output)
}

/// Where in a reference the end of the output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Outside,
    /// Behind a sign.
    Sign,
    /// Between the brackets of the reference whose sign stands here.
    Inside(usize),
}

/// A text that is still to be read.
struct Piece {
    text: String,
    read: usize,
    /// How many references led to it.
    depth: usize,
}

impl Piece {
    fn new(text: String, depth: usize) -> Self {
        let read = 0;
        Self { text, read, depth }
    }
}

struct Scan {
    sign: char,
    output: String,
    state: State,
    /// The state before each sign that is not done with.
    before: VecDeque<State>,
    has_replaced: bool,
    /// The last one is read first.
    pieces: Vec<Piece>,
}

impl Scan {
    /// Reads a run of plain text or one character; `false` at the end.
    fn step(&mut self, with: &mut dyn FnMut(&str) -> Option<String>) -> Result<bool, TooDeep> {
        let Some(piece) = self.pieces.last_mut() else {
            return Ok(false);
        };
        let rest = &piece.text[piece.read..];
        let Some(next) = rest.chars().next() else {
            self.pieces.pop();
            return Ok(true);
        };
        if self.state == State::Outside && next != self.sign {
            let plain = &rest[..rest.find(self.sign).unwrap_or(rest.len())];
            piece.read += plain.len();
            self.output.push_str(plain);
            return Ok(true);
        }
        piece.read += next.len_utf8();
        let depth = piece.depth;
        match (self.state, next) {
            (State::Inside(start), ')') => self.close(start, depth, with)?,
            _ => self.take(next),
        }
        Ok(true)
    }

    /// One character that ends no reference.
    fn take(&mut self, next: char) {
        let position = self.output.len();
        self.output.push(next);
        match (self.state, next) {
            (_, sign) if sign == self.sign => {
                if self.before.len() >= MOST_OPEN {
                    self.before.pop_front();
                }
                self.before.push_back(self.state);
                self.state = State::Sign;
                self.forget_start();
            }
            (State::Sign, '(') => self.state = State::Inside(position - 1),
            (State::Inside(_), other) if other != '(' => {}
            _ => self.leave(),
        }
    }

    /// A closing bracket: puts in what the reference stands for, if it stands for something.
    fn close(
        &mut self,
        start: usize,
        depth: usize,
        with: &mut dyn FnMut(&str) -> Option<String>,
    ) -> Result<(), TooDeep> {
        let inside = start + self.sign.len_utf8() + 1;
        let Some(text) = with(&self.output[inside..]) else {
            self.output.push(')');
            self.leave();
            return Ok(());
        };
        if depth >= DEEPEST {
            return Err(TooDeep);
        }
        self.output.truncate(start);
        self.has_replaced = true;
        self.state = self.before.pop_back().unwrap_or(State::Outside);
        self.forget_start();
        self.pieces.push(Piece::new(text, depth + 1));
        Ok(())
    }

    /// Once something was put in, uWSGI begins anew behind the first character.
    fn forget_start(&mut self) {
        let at_start = match self.state {
            State::Outside => false,
            State::Sign => self.output.len() == self.sign.len_utf8(),
            State::Inside(start) => start == 0,
        };
        if self.has_replaced && at_start {
            self.leave();
        }
    }

    fn leave(&mut self) {
        self.state = State::Outside;
        self.before.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(text: &str, pairs: &[(&str, &str)]) -> String {
        let mut with = |name: &str| {
            let pair = pairs.iter().find(|(known, _)| *known == name);
            pair.map(|(_, value)| (*value).to_owned())
        };
        replace(text, '$', &mut with).unwrap()
    }

    #[test]
    fn what_has_no_answer_stays() {
        assert_eq!(replaced("x $(A) $() $(", &[]), "x $(A) $() $(");
        assert_eq!(replaced("$(A)é$(B)", &[("B", "ü")]), "$(A)éü");
    }

    /// Every line was compared with uWSGI 2.0.31.
    #[test]
    fn what_was_put_in_is_looked_at_again() {
        let known = [
            ("HOME", "/home"),
            ("TWO", "2"),
            ("R2", "x$(HOME)"),
            ("P", "(HOME)"),
            ("NOTHING", ""),
            ("D", "$"),
            ("H", "$(H"),
            ("A$B", "no"),
            ("(HOME", "no"),
        ];
        let cases = [
            ("A=$(R2)z", "A=x/homez"),
            ("$(R2)", "x/home"),
            ("x$(R$(TWO))", "xx/home"),
            ("$(R$(TWO))", "$(R2)"),
            ("x$(A$(HOME))x", "x$(A/home)x"),
            ("x$(H)OME)z", "x/homez"),
            ("x$(D)(HOME)", "x/home"),
            ("x$$(P)", "x/home"),
            ("$$(HOME)", "$/home"),
            ("x$(A$$(HOME))", "x$(A$/home)"),
            ("x$(A$B)y", "x$(A$B)y"),
            ("x$((HOME)y", "x$((HOME)y"),
            ("x$($(HOME)y", "x$(/homey"),
            ("x$(R$(nope)2)$(HOME)", "x$(R$(nope)2)/home"),
            ("x$(NOTHING)$(HOME)", "x/home"),
            ("$(NOTHING)$(HOME)", "$(HOME)"),
            ("$(NOTHING)$(NOTHING)x$(HOME)", "$(NOTHING)x/home"),
            ("$(nope)x$(HOME)", "$(nope)x/home"),
            ("$(nope$(HOME)", "$(nope/home"),
        ];
        for (text, expected) in cases {
            assert_eq!(replaced(text, &known), expected, "{text}");
        }
    }

    #[test]
    fn circles_end() {
        let mut with = |_: &str| Some("x$(A)$(A)".to_owned());
        assert_eq!(replace("x$(A)", '$', &mut with), Err(TooDeep));
        let mut with = |_: &str| Some("$(A)".to_owned());
        assert_eq!(replace("$(A)", '$', &mut with).as_deref(), Ok("$(A)"));
    }

    #[test]
    fn many_signs_take_little() {
        let text = "$(".repeat(1 << 20);
        assert_eq!(replaced(&text, &[]), text);
    }
}
