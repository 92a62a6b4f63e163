//! Conditions and loops, as far as they decide what is in the list.

use super::{Gatherer, first_value, variable};
use crate::entry::Entry;
use crate::logic::{self, Block, Known};
use crate::origin::Origin;
use crate::report::{Notice, Problem};

impl Gatherer<'_> {
    /// Adds an option that stands in a block. The block is about this option only: what a file that
    /// it includes holds is no part of it.
    pub(super) fn add_inside(&mut self, entry: &Entry, block: Block, opened: Origin) {
        let turns = {
            let known = Known {
                variable: &|name| variable(&self.environment, name),
                option: &|name| first_value(&self.entries, name),
                surroundings: self.surroundings,
            };
            block.turns(&known)
        };
        let mut block = block;
        match turns {
            Err(why) if block.reads_lines() => {
                let text = format!("{why}; the block that begins at {opened} is passed over");
                self.notices.push(Notice::warning(text).at(&entry.origin));
                block = Block::without_turns();
            }
            Err(why) => {
                let hint = format!("mend or remove the block that begins at {opened}");
                self.problems
                    .push(Problem::new(why).hint(hint).at(&entry.origin));
            }
            Ok(turns) => {
                self.around = Some(opened.clone());
                self.turn(entry, turns);
                self.around = None;
            }
        }
        self.block = Some((block, opened));
    }

    /// Adds one option once for each turn of a loop; a condition that holds is one turn.
    fn turn(&mut self, entry: &Entry, turns: Vec<String>) {
        // Each line that follows a loop makes all of them anew.
        let looked_at = turns.iter().map(String::len).sum();
        let room = self.growth.bytes(looked_at);
        self.has_room(room, &entry.origin);
        for turn in turns {
            let value = self.growth.replaced(&entry.value, logic::ITEM, &turn);
            let room = value.as_ref().map_or_else(|what| Err(*what), |_| Ok(()));
            if !self.has_room(room, &entry.origin) {
                return;
            }
            self.act(&Entry {
                value: value.unwrap_or_default(),
                ..entry.clone()
            });
        }
    }

    /// `else`: the other side of the condition that is open.
    pub(super) fn turn_round(&mut self, entry: Entry) {
        let other = self
            .block
            .take()
            .and_then(|(block, opened)| Some((block.otherwise()?, opened)));
        if other.is_none() {
            let problem =
                Problem::new("else: there is no condition that it could be the other side of");
            let hint = "put it between an `if-…` line and its `endif`";
            self.problems.push(problem.hint(hint).at(&entry.origin));
        }
        self.block = other;
        self.entries.push(entry);
    }

    /// Opens a block; uWSGI knows no blocks in blocks, nor in a file that is included in one.
    pub(super) fn open_block(&mut self, block: Block, entry: &Entry) {
        if let Some(outer) = &self.around {
            let problem = Problem::new(format!(
                "{}: conditions and loops cannot be nested",
                entry.key
            ))
            .hint(format!(
                "end the block of {outer} with `endif =` before this line is read"
            ));
            self.problems.push(problem.at(&entry.origin));
            return;
        }
        if ["$(", "%(", "@("]
            .iter()
            .any(|open| entry.value.contains(open))
        {
            let text = format!(
                "{}: conditions and loops see `{}` as it stands; references in it are not replaced",
                entry.key, entry.value
            );
            self.notices.push(Notice::warning(text).at(&entry.origin));
        }
        self.block = Some((block, entry.origin.clone()));
    }

    /// A block that nobody ended reaches to the end; that is allowed, and usually a slip.
    pub(super) fn close_open_block(&mut self) {
        if let (Some((_, origin)), None) = (self.block.take(), self.exit) {
            let notice =
                Notice::warning("this block is never ended; it reaches to the end of everything");
            self.notices
                .push(notice.hint("add `endif =` or `endfor =`").at(&origin));
        }
    }
}
