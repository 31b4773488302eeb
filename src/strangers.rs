//! The columns that are not read, and what they seem to hold.

use std::fmt;

use csv::StringRecord;

use crate::phone::{self, Refusal, Region};
use crate::reader::{Columns, Row, names};
use crate::text;

/// So many filled cells tell what a column holds.
const SAMPLE: u32 = 200;
/// So many digits may be a phone number, though it cannot be read as one.
const DIGITS: usize = 7;
/// Countries by their letters that are words too. Alone in a column they name no country.
const WORDS: [&str; 5] = ["AM", "PM", "NO", "MR", "MS"];
/// What R writes for a missing value, and Namibia.
const MISSING: &str = "NA";
/// The calling code of the country whose states look most like countries.
const NORTH_AMERICA: u16 = 1;

/// The columns that are not read.
#[derive(Debug)]
pub struct Strangers<'a> {
    list: Vec<Stranger>,
    columns: &'a Columns,
    rules: &'a phone::Rules,
    has_number: bool,
    has_country: bool,
}

impl<'a> Strangers<'a> {
    /// Nothing seen of them yet.
    pub fn new(headers: &StringRecord, columns: &'a Columns, rules: &'a phone::Rules) -> Self {
        let unread = columns
            .carried
            .iter()
            .filter(|column| !columns.reads(**column));
        Self {
            list: unread
                .map(|column| Stranger::new(*column, &headers[*column]))
                .collect(),
            columns,
            rules,
            has_number: false,
            has_country: false,
        }
    }

    /// Looks at a row. One that is damaged has no columns.
    pub fn observe(&mut self, row: &Row) {
        if row.damage.is_some() {
            return;
        }
        let is_filled = |column: Option<usize>| {
            column.is_some_and(|column| !text::is_blank(row.cells.get(column).unwrap_or_default()))
        };
        let has_number = is_filled(self.columns.phone_number);
        let lacks_number = self.columns.phone_number.is_some() && !has_number;
        self.has_number |= has_number;
        self.has_country |= is_filled(self.columns.country);
        for stranger in &mut self.list {
            let cell = row.cells.get(stranger.column).unwrap_or_default();
            stranger.observe(row.line, cell, lacks_number, self.rules);
        }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Stranger> {
        self.list.iter()
    }

    /// The phone numbers that stand beside empty phone cells, in the column that speaks of phones or has most of them. One
    /// that is called new is overlooked as a whole.
    pub fn beside(&self, headers: &StringRecord) -> Option<Beside> {
        let read = self.columns.phone_number.filter(|_| self.has_number)?;
        let stranger = self
            .iter()
            .filter(|stranger| {
                stranger.instead > 0 && stranger.holds_numbers() && !stranger.is_new()
            })
            .max_by_key(|stranger| (stranger.is_called_phone, stranger.instead))?;
        Some(Beside {
            name: headers[stranger.column].to_owned(),
            read: headers[read].to_owned(),
            rows: stranger.instead,
        })
    }

    /// Whether no phone number was to be read.
    pub fn has_no_number(&self) -> bool {
        !self.has_number
    }

    /// Whether no country was to be read.
    pub fn has_no_country(&self) -> bool {
        !self.has_country
    }
}

/// Such a column.
#[derive(Debug)]
pub struct Stranger {
    /// Which one.
    pub column: usize,
    name: String,
    is_called_phone: bool,
    is_called_country: bool,
    /// So many cells were looked at in full.
    sampled: u32,
    numbers: u32,
    may_be_numbers: u32,
    countries: u32,
    /// The default region was met, or a country that is no word.
    names_countries: bool,
    /// What is not the default region, where it was met first.
    foreign: Option<(u64, String)>,
    /// Phone numbers in rows that have none to be read.
    instead: u64,
}

impl Stranger {
    fn new(column: usize, name: &str) -> Self {
        Self {
            column,
            name: name.to_owned(),
            is_called_phone: names::speaks_of_phones(name),
            is_called_country: names::speaks_of_countries(name),
            sampled: 0,
            numbers: 0,
            may_be_numbers: 0,
            countries: 0,
            names_countries: false,
            foreign: None,
            instead: 0,
        }
    }

    fn observe(&mut self, line: u64, cell: &str, lacks_number: bool, rules: &phone::Rules) {
        let is_sample = self.sampled < SAMPLE;
        let counts = is_sample || lacks_number && self.holds_numbers();
        let looks = is_sample || self.foreign.is_none() && self.may_be_of_countries();
        let cell = cell.trim();
        if !(counts || looks) || text::is_blank(cell) || cell == MISSING {
            return;
        }
        if counts {
            let (is_number, may_be_number) = judge(cell, rules);
            self.instead += u64::from(is_number && lacks_number);
            if is_sample {
                self.numbers += u32::from(is_number);
                self.may_be_numbers += u32::from(may_be_number);
            }
        }
        if let Some(home) = rules.default_region.filter(|_| looks) {
            self.observe_country(line, cell, home, is_sample);
        }
        self.sampled += u32::from(is_sample);
    }

    fn observe_country(&mut self, line: u64, cell: &str, home: Region, is_sample: bool) {
        let country = cell.parse::<Region>().ok();
        let is_home = country.is_some_and(|country| country.calling_code() == home.calling_code());
        let is_country = country.is_some() && is_code(cell, home);
        self.countries += u32::from(is_sample && is_country);
        self.names_countries |= is_country && (is_home || !WORDS.contains(&cell));
        if self.foreign.is_none() && !is_home && (is_country || self.is_called_country) {
            self.foreign = Some((line, cell.to_owned()));
        }
    }

    fn may_be_of_countries(&self) -> bool {
        self.is_called_country || self.countries == self.sampled
    }

    /// Whether it holds phone numbers: most of its first cells are, or its name speaks of phones and one of them may be
    /// a number.
    pub fn holds_numbers(&self) -> bool {
        self.numbers * 2 > self.sampled || self.may_be_numbers > 0 && self.is_called_phone
    }

    /// Whether its name says that what it holds takes the place of something.
    pub fn is_new(&self) -> bool {
        names::says_new(&self.name)
    }

    /// The line and the cell that first names another country than the default region, if it holds countries: its first
    /// cells are codes of countries, or its name speaks of countries.
    pub fn foreign(&self) -> Option<(u64, &str)> {
        let is_of_countries = if self.is_called_country {
            self.may_be_numbers == 0
        } else {
            self.may_be_of_countries()
                && self.names_countries
                && !names::speaks_of_other_letters(&self.name)
        };
        let (line, cell) = self.foreign.as_ref().filter(|_| is_of_countries)?;
        Some((*line, cell))
    }
}

/// Phone numbers in a column that is not read, in rows whose phone cell is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beside {
    name: String,
    read: String,
    rows: u64,
}

impl fmt::Display for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, read) = (self.name.escape_debug(), self.read.escape_debug());
        let rows = match self.rows {
            1 => "1 row".to_owned(),
            rows => format!("{rows} rows"),
        };
        write!(
            f,
            "in {rows} the phone cell is empty and `{name}`, which is not read, holds what may be a phone number; copy it \
             into `{read}` if it is the one to call"
        )
    }
}

/// Whether a country is written in a way that hardly anything else is. Two letters may be a state where states look like
/// countries.
fn is_code(country: &str, home: Region) -> bool {
    country.starts_with('+')
        || home.calling_code() != NORTH_AMERICA
            && country.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Whether a cell is a phone number, and whether it may be one.
fn judge(cell: &str, rules: &phone::Rules) -> (bool, bool) {
    let digits = || cell.chars().filter(|c| c.is_numeric()).count();
    match phone::normalise(cell, None, rules) {
        Ok(_) => (true, true),
        Err(Refusal::Masked) => (false, true),
        Err(Refusal::Date) => (false, false),
        Err(_) => (false, digits() >= DIGITS),
    }
}
