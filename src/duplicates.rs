//! Rows that speak of the same lead, and leads that would get the same number. Found in two passes: the first
//! keeps eight bytes on disk for each lead and each number, the second keeps only the rows that repeat one.

use std::collections::HashSet;
use std::hash::BuildHasher;
use std::io;

use rustc_hash::FxBuildHasher;

use crate::correction::Correction;
use crate::spill::Spill;

/// So many shared numbers are told; all are counted.
const TOLD: usize = 3;

/// The first pass: what repeats at all.
#[derive(Debug, Default)]
pub struct Sightings {
    leads: Spill,
    numbers: Spill,
}

impl Sightings {
    /// Takes note of a row that would be sent.
    pub fn note(&mut self, correction: &Correction) -> io::Result<()> {
        self.leads.push(hint(&correction.lead_id))?;
        match correction.phone_number() {
            Some(number) => self.numbers.push(number.digits()),
            None => Ok(()),
        }
    }

    /// Takes note of a row that would be refused and wants something of this lead.
    pub fn note_refused(&mut self, lead_id: &str) -> io::Result<()> {
        self.leads.push(hint(lead_id))
    }

    /// What the second pass has to look at.
    pub fn suspects(self) -> io::Result<Suspects> {
        Ok(Suspects {
            leads: self.leads.repeated()?,
            numbers: self.numbers.repeated()?,
            mentions: Vec::new(),
            users: Vec::new(),
        })
    }
}

/// The second pass: which rows repeat what.
#[derive(Debug)]
pub struct Suspects {
    leads: HashSet<u64>,
    numbers: HashSet<u64>,
    mentions: Vec<Mention>,
    users: Vec<User>,
}

/// Different for most leads, which is enough for the first pass.
fn hint(lead_id: &str) -> u64 {
    FxBuildHasher.hash_one(lead_id)
}

/// Half of a BLAKE3 hash: equal keys are equal texts.
type Key = [u8; 16];

#[derive(Clone, Copy, Debug)]
struct Mention {
    lead: Key,
    row: u64,
    line: u64,
    /// Nothing is known of what a refused row wants.
    wants: Option<Key>,
}

#[derive(Clone, Copy, Debug)]
struct User {
    number: u64,
    row: u64,
    line: u64,
    lead: Key,
}

impl Suspects {
    /// Whether a second pass is needed at all.
    pub fn is_empty(&self) -> bool {
        self.leads.is_empty() && self.numbers.is_empty()
    }

    /// Looks at a row that would be sent.
    pub fn examine(&mut self, row: u64, line: u64, correction: &Correction) {
        let lead = key(correction.lead_id.as_bytes());
        if self.leads.contains(&hint(&correction.lead_id)) {
            self.mentions.push(Mention {
                lead,
                row,
                line,
                wants: Some(wants(correction)),
            });
        }
        if let Some(number) = correction.phone_number()
            && self.numbers.contains(&number.digits())
        {
            self.users.push(User {
                number: number.digits(),
                row,
                line,
                lead,
            });
        }
    }

    /// Looks at a row that would be refused and wants something of this lead.
    pub fn examine_refused(&mut self, row: u64, line: u64, lead_id: &str) {
        if self.leads.contains(&hint(lead_id)) {
            self.mentions.push(Mention {
                lead: key(lead_id.as_bytes()),
                row,
                line,
                wants: None,
            });
        }
    }

    /// What was found.
    pub fn duplicates(mut self) -> Duplicates {
        let mut found = Duplicates::default();
        self.mentions
            .sort_unstable_by_key(|mention| (mention.lead, mention.row));
        for group in self.mentions.chunk_by(|one, next| one.lead == next.lead) {
            found.add_group(group);
        }
        self.users
            .sort_unstable_by_key(|user| (user.number, user.row));
        for users in self.users.chunk_by(|one, next| one.number == next.number) {
            found.add_users(users);
        }
        found.rows.sort_unstable_by_key(|(row, _)| *row);
        found.firsts.sort_unstable();
        found.sharing.sort_unstable();
        found
    }
}

/// Why a row is not sent by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicate {
    /// An earlier row wants the same; it is sent, and this one shares its outcome.
    Identical {
        /// The earlier row.
        first_row: u64,
        /// Its line.
        first_line: u64,
    },
    /// Another row wants something else for the same lead, or nobody knows what; neither is sent.
    Conflicting {
        /// The other row's line.
        other_line: u64,
    },
}

/// A number that two leads would get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared {
    /// The lines of the first two rows that give it to different leads.
    pub lines: (u64, u64),
}

/// Everything that repeats. Lists by row: they are shorter than tables, and long where every lead stands twice.
#[derive(Debug, Default)]
pub struct Duplicates {
    rows: Vec<(u64, Duplicate)>,
    firsts: Vec<u64>,
    /// The first numbers that several leads would get, by line.
    pub shared: Vec<Shared>,
    /// How many numbers several leads would get.
    pub shared_count: u64,
    sharing: Vec<(u64, u64)>,
}

impl Duplicates {
    /// Why this row is not sent by itself, if so.
    pub fn of(&self, row: u64) -> Option<Duplicate> {
        of_row(&self.rows, row)
    }

    /// Whether later rows share this row's outcome.
    pub fn is_first(&self, row: u64) -> bool {
        self.firsts.binary_search(&row).is_ok()
    }

    /// Whether they refuse any row.
    pub fn refuse(&self, forbid_shared_numbers: bool) -> bool {
        let conflicts =
            |(_, found): &(u64, Duplicate)| matches!(found, Duplicate::Conflicting { .. });
        forbid_shared_numbers && self.shared_count > 0 || self.rows.iter().any(conflicts)
    }

    /// The line of another row that gives the same number to another lead.
    pub fn sharing(&self, row: u64) -> Option<u64> {
        of_row(&self.sharing, row)
    }

    /// The rows of one lead, in their order.
    fn add_group(&mut self, group: &[Mention]) {
        let (first, later) = (group[0], &group[1..]);
        if let Some(other) = later.iter().find(|mention| mention.wants != first.wants) {
            let conflicts = group.iter().map(|mention| {
                let other = if mention.wants == first.wants {
                    other
                } else {
                    &first
                };
                let other_line = other.line;
                (mention.row, Duplicate::Conflicting { other_line })
            });
            self.rows.extend(conflicts);
        } else if !later.is_empty() && first.wants.is_some() {
            self.firsts.push(first.row);
            let identical = Duplicate::Identical {
                first_row: first.row,
                first_line: first.line,
            };
            self.rows
                .extend(later.iter().map(|mention| (mention.row, identical)));
        }
    }

    /// The rows with one number, in their order.
    fn add_users(&mut self, users: &[User]) {
        let first = users[0];
        let Some(other) = users.iter().find(|user| user.lead != first.lead) else {
            return;
        };
        self.shared_count += 1;
        self.shared.push(Shared {
            lines: (first.line, other.line),
        });
        self.shared.sort_unstable_by_key(|shared| shared.lines);
        self.shared.truncate(TOLD);
        self.sharing.extend(users.iter().map(|user| {
            let partner = if user.lead == first.lead {
                other
            } else {
                &first
            };
            (user.row, partner.line)
        }));
    }
}

fn of_row<T: Copy>(list: &[(u64, T)], row: u64) -> Option<T> {
    let at = list.binary_search_by_key(&row, |(row, _)| *row).ok()?;
    Some(list[at].1)
}

fn key(text: &[u8]) -> Key {
    let mut key = Key::default();
    key.copy_from_slice(&blake3::hash(text).as_bytes()[..16]);
    key
}

/// Everything that the row wants, and nothing of how it was written.
fn wants(correction: &Correction) -> Key {
    let Correction {
        lead_id: _,
        phone,
        name,
        notes,
        variables,
        removed,
        empties,
    } = correction;
    let number = phone.map(|phone| phone.number.digits());
    let mut variables: Vec<_> = variables.iter().collect();
    variables.sort_unstable_by_key(|(name, _)| *name);
    let mut removed = removed.clone();
    removed.sort_unstable();
    // JSON of plain values, which cannot fail.
    let text =
        serde_json::to_vec(&(number, name, notes, variables, removed, empties)).unwrap_or_default();
    key(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone;

    fn correction(lead: &str, number: Option<&str>, name: Option<&str>) -> Correction {
        Correction {
            phone: number
                .map(|cell| phone::normalise(cell, None, &phone::Rules::default()).unwrap()),
            name: name.map(str::to_owned),
            ..Correction::of(lead)
        }
    }

    /// Rows are numbered from 1 and stand on the line after their number.
    fn find(corrections: &[Correction]) -> Duplicates {
        let mut sightings = Sightings::default();
        for correction in corrections {
            sightings.note(correction).unwrap();
        }
        let mut suspects = sightings.suspects().unwrap();
        for (row, correction) in (1..).zip(corrections) {
            suspects.examine(row, row + 1, correction);
        }
        suspects.duplicates()
    }

    #[test]
    fn the_same_lead_twice() {
        let found = find(&[
            correction("a", None, Some("x")),
            correction("b", None, Some("x")),
            correction("a", None, Some("x")),
            correction("b", None, Some("y")),
            correction("b", None, Some("x")),
            correction("c", None, Some("x")),
        ]);
        assert_eq!(found.of(1), None);
        assert!(found.is_first(1) && !found.is_first(6));
        assert_eq!(
            found.of(3),
            Some(Duplicate::Identical {
                first_row: 1,
                first_line: 2
            })
        );
        assert_eq!(found.of(2), Some(Duplicate::Conflicting { other_line: 5 }));
        assert_eq!(found.of(4), Some(Duplicate::Conflicting { other_line: 3 }));
        assert_eq!(found.of(5), Some(Duplicate::Conflicting { other_line: 5 }));
        assert_eq!(found.of(6), None);
    }

    #[test]
    fn one_number_for_two_leads() {
        let (one, two) = (Some("+919876543210"), Some("+919876543211"));
        let found = find(&[
            correction("a", one, None),
            correction("b", two, None),
            correction("c", one, None),
            correction("b", two, None),
        ]);
        assert_eq!(found.shared, [Shared { lines: (2, 4) }]);
        assert_eq!(
            (found.shared_count, found.sharing(1), found.sharing(3)),
            (1, Some(4), Some(2))
        );
        assert_eq!(found.sharing(2), None, "one lead twice is no sharing");
    }

    #[test]
    fn the_first_shared_numbers_are_told_whatever_they_are() {
        let numbers: Vec<_> = (0..1100)
            .map(|at| format!("+91987655{:04}", 9000 - at))
            .collect();
        let rows: Vec<_> = numbers
            .iter()
            .flat_map(|number| ["a", "b"].map(|lead| (format!("{lead}{number}"), number)))
            .map(|(lead, number)| correction(&lead, Some(number), None))
            .collect();
        let found = find(&rows);
        assert_eq!(found.shared_count, 1100);
        let lines = found.shared.iter().map(|shared| shared.lines);
        assert_eq!(lines.collect::<Vec<_>>(), [(2, 3), (4, 5), (6, 7)]);
    }
}
