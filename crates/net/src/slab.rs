//! A table of connections whose places are used again.

/// A table; each place remembers how often it was filled, so that a late event for an earlier
/// connection of the same place is recognised.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    entries: Vec<Entry<T>>,
    free: Vec<u32>,
    len: usize,
}

#[derive(Debug)]
struct Entry<T> {
    serial: u32,
    value: Option<T>,
}

impl<T> Slab<T> {
    pub(crate) fn new() -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
            len: 0,
        }
    }

    /// Puts a value into a free place: its index and serial.
    pub(crate) fn insert(&mut self, value: T) -> (u32, u32) {
        self.len += 1;
        if let Some(index) = self.free.pop() {
            let entry = &mut self.entries[index as usize];
            // Thirty bits, so that a serial, a place and two flags fit into an epoll token.
            entry.serial = (entry.serial + 1) & 0x3fff_ffff;
            entry.value = Some(value);
            return (index, entry.serial);
        }
        self.entries.push(Entry {
            serial: 0,
            value: Some(value),
        });
        (self.entries.len() as u32 - 1, 0)
    }

    pub(crate) fn get(&mut self, index: u32) -> Option<&mut T> {
        self.entries.get_mut(index as usize)?.value.as_mut()
    }

    /// The value, if the place has not been used again since.
    pub(crate) fn get_same(&mut self, index: u32, serial: u32) -> Option<&mut T> {
        self.entries
            .get_mut(index as usize)
            .filter(|entry| entry.serial == serial)?
            .value
            .as_mut()
    }

    pub(crate) fn remove(&mut self, index: u32) -> Option<T> {
        let value = self.entries.get_mut(index as usize)?.value.take()?;
        self.free.push(index);
        self.len -= 1;
        Some(value)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The indices in use.
    pub(crate) fn indices(&self) -> Vec<u32> {
        let used = self
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.value.is_some());
        used.map(|(index, _)| index as u32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_used_again_is_another() {
        let mut slab = Slab::new();
        let (index, serial) = slab.insert("a");
        assert_eq!(slab.remove(index), Some("a"));
        assert_eq!(slab.remove(index), None);
        let (again, later) = slab.insert("b");
        assert_eq!(index, again);
        assert!(slab.get_same(index, serial).is_none());
        assert_eq!(slab.get_same(index, later), Some(&mut "b"));
        assert_eq!((slab.len(), slab.indices()), (1, vec![0]));
    }
}
