//! Which column of the file is which field of a correction.

use csv::StringRecord;

use super::error::List;
use super::mapping::{Field, MapTarget};
use super::names;

/// A name in the header that may be a slip.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Hint {
    /// A column that is carried through and looks like a misspelling.
    #[error("`{}` is carried through untouched; did you mean `{meant}`?", .column.escape_debug())]
    Misspelt {
        /// The name in the header.
        column: String,
        /// The name it resembles.
        meant: String,
    },
    /// Two variables that differ in case alone.
    #[error(
        "`metadata.{}` and `metadata.{}` differ in case alone, and are two variables",
        .0.escape_debug(), .1.escape_debug()
    )]
    Alike(String, String),
}

/// Columns that do not make sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ColumnError {
    /// The first row is data.
    #[error(
        "no header row: the first row begins with {}; put the column names above it, for example \
         lead_id,phone_number", List(.0)
    )]
    NoHeader(Vec<String>),
    /// No column says which lead.
    #[error(
        "no column `lead_id`; the columns are {}; rename one, or name it with --map lead_id=\"{}\"",
        List(.0), .0.first().map_or("Column", String::as_str)
    )]
    NoLeadId(Vec<String>),
    /// No column says what to change.
    #[error(
        "no column to change anything with (phone_number, name, notes, metadata or metadata.KEY); the columns \
         are {}; rename one, or name it with --map phone_number=\"{}\"",
        List(.0), .0.iter().find(|name| names::speaks_of_phones(name)).map_or("Column", String::as_str)
    )]
    NothingToChange(Vec<String>),
    /// Two columns for one field.
    #[error(
        "columns `{first}` and `{second}` are both `{target}`; rename one, or name the right one with --map"
    )]
    Twice {
        /// The field or variable.
        target: String,
        /// The first column.
        first: String,
        /// The second column.
        second: String,
    },
    /// `metadata.` without a KEY.
    #[error("column `{0}` names no variable; write metadata.KEY")]
    NoKey(String),
    /// A mapped column that is not there.
    #[error("no column `{column}` to map to `{target}`; the columns are {}", List(.headers))]
    NoSuchColumn {
        /// The column asked for.
        column: String,
        /// What it was to be.
        target: String,
        /// The columns there are.
        headers: Vec<String>,
    },
    /// One target or one column in two mappings.
    #[error("--map says two things about `{0}`")]
    MappedTwice(String),
}

impl ColumnError {
    /// Whether the header may be a title above it.
    pub(super) fn may_be_of_title(&self) -> bool {
        matches!(
            self,
            ColumnError::NoLeadId(_) | ColumnError::NothingToChange(_)
        )
    }

    /// Whether the header may be that of something else.
    pub(super) fn is_of_strangers(&self) -> bool {
        matches!(
            self,
            ColumnError::NoHeader(_) | ColumnError::NoLeadId(_) | ColumnError::NothingToChange(_)
        )
    }
}

/// Which column is which, by index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// Which lead.
    pub lead_id: usize,
    /// The number to call.
    pub phone_number: Option<usize>,
    /// The country of numbers that do not say it.
    pub country: Option<usize>,
    /// The country column is called `region`, and nobody said outright that it is one.
    pub country_may_be_states: bool,
    /// The person's name.
    pub name: Option<usize>,
    /// Free text.
    pub notes: Option<usize>,
    /// All variables, as a JSON object.
    pub metadata: Option<usize>,
    /// Single variables: KEY and column.
    pub variables: Vec<(String, usize)>,
    /// The columns to carry into the results, in order: all but `result_*`.
    pub carried: Vec<usize>,
    /// What each column that is read is read as, in order.
    pub read_as: Vec<(usize, MapTarget)>,
    /// Slips to point out.
    pub hints: Vec<Hint>,
}

impl Columns {
    /// Finds the columns by their names in `headers`; `map` names some outright.
    pub fn resolve(
        headers: &StringRecord,
        map: &[(MapTarget, String)],
    ) -> Result<Columns, ColumnError> {
        if !headers.iter().any(names::is_known) && headers.iter().any(names::looks_like_data) {
            return Err(ColumnError::NoHeader(
                headers.iter().take(3).map(str::to_owned).collect(),
            ));
        }
        let targets = targets(headers, map)?;
        let all = || headers.iter().map(str::to_owned).collect();
        let field = |field| {
            targets
                .iter()
                .position(|target| *target == Some(MapTarget::Field(field)))
        };
        let columns = Columns {
            lead_id: field(Field::LeadId).ok_or_else(|| ColumnError::NoLeadId(all()))?,
            phone_number: field(Field::PhoneNumber),
            country: field(Field::Country),
            country_may_be_states: field(Field::Country)
                .is_some_and(|at| names::fold(&headers[at]) == "region")
                && !map
                    .iter()
                    .any(|(target, _)| *target == MapTarget::Field(Field::Country)),
            name: field(Field::Name),
            notes: field(Field::Notes),
            metadata: field(Field::Metadata),
            variables: targets
                .iter()
                .enumerate()
                .filter_map(|(at, target)| match target {
                    Some(MapTarget::Variable(key)) => Some((key.clone(), at)),
                    _ => None,
                })
                .collect(),
            carried: (0..headers.len())
                .filter(|&at| !names::is_result(&headers[at]))
                .collect(),
            hints: misspellings(headers, &targets)
                .chain(alike(&targets))
                .collect(),
            read_as: targets
                .into_iter()
                .enumerate()
                .filter_map(|(at, target)| Some((at, target?)))
                .collect(),
        };
        let changes = [
            columns.phone_number,
            columns.name,
            columns.notes,
            columns.metadata,
        ];
        if columns.variables.is_empty() && changes.iter().all(Option::is_none) {
            return Err(ColumnError::NothingToChange(all()));
        }
        Ok(columns)
    }

    /// Whether a column is read as something, and not only carried along.
    pub fn reads(&self, column: usize) -> bool {
        self.read_as.iter().any(|(known, _)| *known == column)
    }
}

/// What each column is, if anything.
fn targets(
    headers: &StringRecord,
    map: &[(MapTarget, String)],
) -> Result<Vec<Option<MapTarget>>, ColumnError> {
    let mut targets = vec![None; headers.len()];
    for (target, column) in map {
        let at = mapped(headers, target, column)?;
        if targets[at].is_some() {
            return Err(ColumnError::MappedTwice(headers[at].to_owned()));
        }
        if targets.contains(&Some(target.clone())) {
            return Err(ColumnError::MappedTwice(target.to_string()));
        }
        targets[at] = Some(target.clone());
    }
    for (at, name) in headers.iter().enumerate() {
        let target = match (Field::named(name), names::variable(name)) {
            _ if names::is_result(name) || targets[at].is_some() => continue,
            (Some(field), _) => MapTarget::Field(field),
            (None, Some("")) => return Err(ColumnError::NoKey(name.to_owned())),
            (None, Some(key)) => MapTarget::Variable(key.to_owned()),
            (None, None) => continue,
        };
        if map.iter().any(|(mapped, _)| *mapped == target) {
            continue; // named outright, so that this one is only carried
        }
        if let Some(first) = targets
            .iter()
            .position(|other| other.as_ref() == Some(&target))
        {
            return Err(ColumnError::Twice {
                target: target.to_string(),
                first: headers[first].to_owned(),
                second: name.to_owned(),
            });
        }
        targets[at] = Some(target);
    }
    Ok(targets)
}

/// The column that a mapping names: exactly, or else as loosely as names are matched.
fn mapped(headers: &StringRecord, target: &MapTarget, column: &str) -> Result<usize, ColumnError> {
    let exact = headers.iter().position(|name| name == column);
    let folded = names::fold(column);
    let loose: Vec<_> = (0..headers.len())
        .filter(|&at| names::fold(&headers[at]) == folded)
        .collect();
    match (exact, &loose[..]) {
        (Some(at), _) | (None, &[at]) => Ok(at),
        (None, &[first, second, ..]) => Err(ColumnError::Twice {
            target: target.to_string(),
            first: headers[first].to_owned(),
            second: headers[second].to_owned(),
        }),
        (None, []) => Err(ColumnError::NoSuchColumn {
            column: column.to_owned(),
            target: target.to_string(),
            headers: headers.iter().map(str::to_owned).collect(),
        }),
    }
}

/// Columns that are nothing, and look like a field that no other column is.
fn misspellings(
    headers: &StringRecord,
    targets: &[Option<MapTarget>],
) -> impl Iterator<Item = Hint> {
    let taken = move |field| targets.contains(&Some(MapTarget::Field(field)));
    headers
        .iter()
        .zip(targets)
        .filter(|(name, target)| target.is_none() && !names::is_result(name))
        .filter_map(move |(name, _)| {
            let folded = names::fold(name);
            let (prefix, key) = folded.split_once('.').unwrap_or((&folded, ""));
            let meant = match () {
                () if !key.is_empty() => resembles(prefix, "metadata").then(|| {
                    format!(
                        "metadata.{}",
                        name.split_once('.').map_or("KEY", |(_, key)| key.trim())
                    )
                }),
                () if prefix.len() > 8 && prefix.starts_with("metadata") => {
                    Some("metadata.KEY".to_owned())
                }
                () => Field::ALL
                    .into_iter()
                    .filter(|&field| !taken(field))
                    .find(|field| {
                        field
                            .spellings()
                            .iter()
                            .any(|known| resembles(prefix, known))
                    })
                    .map(|field| field.name().to_owned()),
            }?;
            Some(Hint::Misspelt {
                column: name.to_owned(),
                meant,
            })
        })
}

/// Variables that differ in case alone.
fn alike(targets: &[Option<MapTarget>]) -> Vec<Hint> {
    let keys: Vec<&String> = targets
        .iter()
        .flatten()
        .filter_map(|target| match target {
            MapTarget::Variable(key) => Some(key),
            MapTarget::Field(_) => None,
        })
        .collect();
    let pairs = keys.iter().enumerate().filter_map(|(at, second)| {
        let is_alike = |first: &&&String| first.to_lowercase() == second.to_lowercase();
        let first = keys[..at].iter().find(is_alike)?;
        Some(Hint::Alike((*first).clone(), (*second).clone()))
    });
    pairs.collect()
}

/// Whether `name` is a slip away from `known`: one for short names, two for long ones.
fn resembles(name: &str, known: &str) -> bool {
    let slips = match known.len() {
        ..4 => return false,
        4..7 => 1,
        _ => 2,
    };
    strsim::osa_distance(name, known) <= slips
}

#[cfg(test)]
mod tests {
    use super::super::mapping::mapping;
    use super::*;

    fn resolve(header: &str, map: &[&str]) -> Result<Columns, ColumnError> {
        let map: Vec<_> = map
            .iter()
            .map(|argument| mapping(argument).expect(argument))
            .collect();
        Columns::resolve(&header.split(',').collect(), &map)
    }

    #[test]
    fn columns_are_found_by_name_alias_and_map() {
        let columns = resolve(
            "Lead-ID,Mobile,Country Code,NAME,notes,Metadata,metadata.First Name,Batch,result_status",
            &[],
        )
        .expect("columns");
        let expected = Columns {
            lead_id: 0,
            phone_number: Some(1),
            country: Some(2),
            country_may_be_states: false,
            name: Some(3),
            notes: Some(4),
            metadata: Some(5),
            variables: vec![("First Name".to_owned(), 6)],
            carried: (0..8).collect(),
            hints: vec![],
            read_as: (0..6)
                .map(|at| (at, MapTarget::Field(Field::ALL[at])))
                .chain([(6, MapTarget::Variable("First Name".to_owned()))])
                .collect(),
        };
        assert_eq!(columns, expected);
        let columns = resolve(
            "id,phone,Mobile No.,City",
            &[
                "phone_number=Mobile No.",
                "metadata.city=city",
                "lead_id=id",
            ],
        )
        .expect("columns");
        assert_eq!((columns.lead_id, columns.phone_number), (0, Some(2)));
        assert_eq!(columns.variables, [("city".to_owned(), 3)]);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        let cases: [(&str, &[&str], &str); 13] = [
            (
                "phone,name",
                &[],
                "no column `lead_id`; the columns are `phone`, `name`; rename one, or name it with --map lead_id=\"phone\"",
            ),
            (
                "id,country,batch",
                &[],
                "no column to change anything with (phone_number, name, notes, metadata or metadata.KEY); the columns \
                 are `id`, `country`, `batch`; rename one, or name it with --map phone_number=\"Column\"",
            ),
            (
                "id,country,WhatsApp No.",
                &[],
                "no column to change anything with (phone_number, name, notes, metadata or metadata.KEY); the columns \
                 are `id`, `country`, `WhatsApp No.`; rename one, or name it with --map phone_number=\"WhatsApp No.\"",
            ),
            (
                "id,phone,Mobile",
                &[],
                "columns `phone` and `Mobile` are both `phone_number`",
            ),
            (
                "id,metadata.a,Metadata.a",
                &[],
                "columns `metadata.a` and `Metadata.a` are both `metadata.a`",
            ),
            (
                "id,metadata.,phone",
                &[],
                "column `metadata.` names no variable",
            ),
            (
                "8f14e45f,+91 98765 43210,Asha",
                &[],
                "no header row: the first row begins with `8f14e45f`",
            ),
            ("4711,9876543210", &[], "no header row"),
            (
                "id,phone",
                &["name=Full name"],
                "no column `Full name` to map to `name`",
            ),
            (
                "id,a b,A-B",
                &["name=ab"],
                "columns `a b` and `A-B` are both `name`",
            ),
            (
                "id,phone",
                &["name=phone", "notes=phone"],
                "--map says two things about `phone`",
            ),
            (
                "id,a,b",
                &["name=a", "name=b"],
                "--map says two things about `name`",
            ),
            ("id", &[], "no column to change anything with"),
        ];
        for (header, map, expected) in cases {
            let error = resolve(header, map).expect_err(header).to_string();
            assert!(error.starts_with(expected), "{header}: {error}");
        }
    }

    #[test]
    fn misspellings_are_pointed_out_and_nothing_else() {
        let cases = [
            (
                "id,phone,nmae",
                "`nmae` is carried through untouched; did you mean `name`?",
            ),
            (
                "id,name,phone_nmber",
                "`phone_nmber` is carried through untouched; did you mean `phone_number`?",
            ),
            (
                "id,name,metdata.city",
                "`metdata.city` is carried through untouched; did you mean `metadata.city`?",
            ),
            (
                "id,name,metadata_city",
                "`metadata_city` is carried through untouched; did you mean `metadata.KEY`?",
            ),
            (
                "id,name,contry",
                "`contry` is carried through untouched; did you mean `country`?",
            ),
            (
                "id,metadata.City,metadata.x,metadata.city",
                "`metadata.City` and `metadata.city` differ in case alone, and are two variables",
            ),
        ];
        for (header, expected) in cases {
            let hints = resolve(header, &[]).expect(header).hints;
            assert_eq!(
                hints.iter().map(ToString::to_string).collect::<Vec<_>>(),
                [expected],
                "{header}"
            );
        }
        for header in [
            "id,phone,phones",
            "id,phone,city,state,due",
            "id,name,result_nmae",
            "id,name,game_x",
        ] {
            assert_eq!(resolve(header, &[]).expect(header).hints, [], "{header}");
        }
    }
}
