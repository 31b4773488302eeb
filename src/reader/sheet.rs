//! Spreadsheets: the workbook is opened, and one of its sheets written out as text.

use std::io::BufReader;
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{
    CellType, Data, DataRef, Ods, Range, Reader, SheetType, SheetVisible, Sheets, Xls, Xlsb, Xlsx,
    XlsxError,
};

use super::error::{ErrorKind, InputError};
use super::formulas::{Formulas, Unsolved};
use super::source::{Source, SourceReader};
use super::table::{Table, TableError};
use super::value;

/// What every Office file has in its zip archive.
const FIRST_PART: &str = "_rels/.rels";

type Workbook = Sheets<BufReader<SourceReader>>;

/// A sheet, written out as text.
pub(super) struct Sheet {
    pub(super) source: Source,
    /// The sheet's number for the text's first row.
    pub(super) first_row: u64,
    pub(super) name: String,
    /// The other sheets that people can see, and that hold something.
    pub(super) others: Vec<String>,
    pub(super) unsolved: Vec<Unsolved>,
}

/// The sheet called `name`, or the first that people can see, if `source` is a spreadsheet.
pub(super) fn open(source: &Source, name: Option<&str>) -> Result<Option<Sheet>, InputError> {
    let Some(format) = Format::of(source)? else {
        return Ok(None);
    };
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut workbook = format.open(source)?;
        let (name, mut others) = choose(&workbook, name)?;
        others.retain(|other| holds_anything(&mut workbook, other));
        write(&mut workbook, name, others, source)
    }));
    // The libraries for these formats are large, and a damaged file may surprise them.
    let result = result.unwrap_or_else(|_| Err(broken("it is damaged")));
    result.map(Some).map_err(|kind| match kind {
        ErrorKind::Io {
            action,
            source: error,
        } => InputError::io(source.path(), action, error),
        kind => InputError::new(source.path(), kind),
    })
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "map_err hands the error over"
)]
fn broken(reason: impl ToString) -> ErrorKind {
    ErrorKind::Workbook(reason.to_string())
}

/// The formats, as far as the first bytes tell them.
enum Format {
    /// Old Excel, and everything with a password.
    Ole,
    OpenDocument,
    /// Excel, zipped.
    Zip,
}

impl Format {
    fn of(source: &Source) -> Result<Option<Format>, InputError> {
        let mut head = [0; 54];
        let length = source.read_at(0, &mut head)?;
        let head = &head[..length];
        Ok(match () {
            () if head.starts_with(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1") => Some(Format::Ole),
            () if !head.starts_with(b"PK\x03\x04") => None,
            () if head
                .get(30..)
                .is_some_and(|name| name.starts_with(b"mimetypeapplication/vnd")) =>
            {
                Some(Format::OpenDocument)
            }
            () => Some(Format::Zip),
        })
    }

    fn open(&self, source: &Source) -> Result<Workbook, ErrorKind> {
        match self {
            Format::Ole => Xls::new(source.reader()).map(Sheets::Xls).map_err(broken),
            Format::OpenDocument => Ods::new(source.reader()).map(Sheets::Ods).map_err(broken),
            Format::Zip => Xlsx::new(source.reader())
                .map(Sheets::Xlsx)
                .or_else(|error| {
                    Xlsb::new(source.reader())
                        .map(Sheets::Xlsb)
                        .map_err(|_| match error {
                            XlsxError::FileNotFound(name) if name == FIRST_PART => {
                                ErrorKind::Archive
                            }
                            error => broken(error),
                        })
                }),
        }
    }
}

/// The name of the sheet to read, and the others that people can see.
fn choose(workbook: &Workbook, wanted: Option<&str>) -> Result<(String, Vec<String>), ErrorKind> {
    let sheets = || {
        workbook
            .sheets_metadata()
            .iter()
            .filter(|sheet| sheet.typ == SheetType::WorkSheet)
    };
    let visible = || sheets().filter(|sheet| sheet.visible == SheetVisible::Visible);
    let all = || sheets().map(|sheet| sheet.name.clone()).collect();
    let name = match wanted {
        Some(wanted) => sheets()
            .find(|sheet| sheet.name == wanted)
            .map(|sheet| &sheet.name)
            .ok_or_else(|| ErrorKind::NoSuchSheet {
                name: wanted.to_owned(),
                sheets: all(),
            })?,
        None => visible()
            .next()
            .map(|sheet| &sheet.name)
            .ok_or_else(|| broken("it has no sheets"))?,
    };
    let others = visible()
        .map(|sheet| &sheet.name)
        .filter(|other| *other != name)
        .cloned()
        .collect();
    Ok((name.clone(), others))
}

/// Whether a sheet has a cell with something in it; one that cannot be read may have.
fn holds_anything(workbook: &mut Workbook, name: &str) -> bool {
    if let Sheets::Xlsx(workbook) = workbook {
        let Ok(mut cells) = workbook.worksheet_cells_reader(name) else {
            return true;
        };
        loop {
            match cells.next_cell() {
                Ok(Some(cell)) if *cell.get_value() == DataRef::Empty => {}
                Ok(cell) => return cell.is_some(),
                Err(_) => return true,
            }
        }
    }
    let range = workbook.worksheet_range(name);
    !range.is_ok_and(|range| range.is_empty())
}

/// Writes a sheet out.
fn write(
    workbook: &mut Workbook,
    name: String,
    others: Vec<String>,
    source: &Source,
) -> Result<Sheet, ErrorKind> {
    let spool = Source::spool_file(source.path()).map_err(InputError::into_kind)?;
    let mut table = Table::new(spool);
    let mut formulas = Formulas::default();
    let failed = |error| match error {
        TableError::Outside(cell) => ErrorKind::OutsideTable(cell),
        TableError::Disorder => broken("its cells are out of order"),
        TableError::Io(source) => ErrorKind::Io {
            action: "copy",
            source,
        },
    };
    match workbook {
        // Cell by cell: a stray cell in the last corner must not cost the memory of a full sheet.
        Sheets::Xlsx(workbook) => {
            let mut cells = workbook.worksheet_cells_reader(&name).map_err(broken)?;
            while let Some(cell) = cells.next_cell_with_formula_metadata().map_err(broken)? {
                let value = Data::from(cell.value);
                if cell.formula.is_some() {
                    formulas
                        .note(cell.pos, &value)
                        .map_err(ErrorKind::NoResult)?;
                }
                table.push(cell.pos, value::text(value)).map_err(failed)?;
            }
        }
        other => {
            let range = other.worksheet_range(&name).map_err(broken)?;
            let written = other.worksheet_formula(&name).map_err(broken)?;
            for (row, column, _) in written.used_cells() {
                let at = place(&written, row, column);
                let value = range.get_value(at).unwrap_or(&Data::Empty);
                formulas.note(at, value).map_err(ErrorKind::NoResult)?;
            }
            for (row, column, cell) in range.used_cells() {
                let at = place(&range, row, column);
                table.push(at, value::text(cell.clone())).map_err(failed)?;
            }
        }
    }
    let (top, left) = table.origin();
    Ok(Sheet {
        source: Source::from_spool(source.path(), table.finish().map_err(failed)?),
        first_row: u64::from(top) + 1,
        name,
        others,
        unsolved: formulas.unsolved(left),
    })
}

/// Where in the sheet a cell of the range is.
fn place<T: CellType>(range: &Range<T>, row: usize, column: usize) -> (u32, u32) {
    let (top, left) = range.start().unwrap_or_default();
    let moved = |start: u32, by: usize| start.saturating_add(u32::try_from(by).unwrap_or(u32::MAX));
    (moved(top, row), moved(left, column))
}
