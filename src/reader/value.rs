//! The text of a spreadsheet's cell: what it holds, not what it shows.
//!
//! Excel shows 919876543210 as `9.19877E+11`; the cell still holds every digit, and those are what is read. It
//! keeps no more than 15 of them, so a longer number has already lost some: it comes out in scientific notation,
//! which no rule mistakes for a phone number or an ID.

use calamine::{Data, ExcelDateTime};

/// The first whole number of which Excel cannot hold every digit.
const FIRST_INEXACT: f64 = 1e15;
/// The day after 31 December 9999. A larger number is no date, whatever the cell's format says.
const LAST_DAY: f64 = 2_958_466.0;

pub(super) fn text(value: Data) -> String {
    match value {
        Data::Empty => String::new(),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text,
        Data::Int(number) => number.to_string(),
        Data::Float(number) => self::number(number),
        Data::Bool(true) => "TRUE".to_owned(),
        Data::Bool(false) => "FALSE".to_owned(),
        Data::DateTime(moment) => date(moment),
        Data::Error(error) => error.to_string(),
    }
}

fn number(number: f64) -> String {
    let size = number.abs();
    match number.fract() == 0.0 {
        true if size < FIRST_INEXACT => format!("{:.0}", number + 0.0),
        false if size >= 1e-5 => number.to_string(),
        _ => format!("{number:e}"),
    }
}

/// ISO 8601: a date, a time, or both; a duration as hours, minutes and seconds.
fn date(moment: ExcelDateTime) -> String {
    let serial = moment.as_f64();
    if !(0.0..LAST_DAY).contains(&serial) {
        return number(serial);
    }
    let (year, month, day, hour, minute, second, milli) = moment.to_ymd_hms_milli();
    let fraction = if milli == 0 {
        String::new()
    } else {
        format!(".{milli:03}")
    };
    let time = format!("{minute:02}:{second:02}{fraction}");
    match () {
        () if moment.is_duration() => {
            let days = format!("{:.0}", serial.trunc()).parse().unwrap_or(0_u32);
            format!("{}:{time}", days * 24 + u32::from(hour))
        }
        () if serial < 1.0 => format!("{hour:02}:{time}"),
        () if serial.fract() == 0.0 => format!("{year:04}-{month:02}-{day:02}"),
        () => format!("{year:04}-{month:02}-{day:02}T{hour:02}:{time}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calamine::{CellErrorType, ExcelDateTimeType};

    #[test]
    fn a_cell_is_what_it_holds() {
        let date = |serial| {
            Data::DateTime(ExcelDateTime::new(
                serial,
                ExcelDateTimeType::DateTime,
                false,
            ))
        };
        let span = |serial| {
            Data::DateTime(ExcelDateTime::new(
                serial,
                ExcelDateTimeType::TimeDelta,
                false,
            ))
        };
        let cases = [
            (Data::Float(919_876_543_210.0), "919876543210"),
            (Data::Float(999_999_999_999_999.0), "999999999999999"),
            (Data::Float(1e15), "1e15"),
            (
                Data::Float(9_198_765_432_101_234_567.0),
                "9.198765432101235e18",
            ),
            (Data::Float(98_765.25), "98765.25"),
            (Data::Float(-0.0), "0"),
            (Data::Float(-12.0), "-12"),
            (Data::Float(1e-7), "1e-7"),
            (Data::Float(f64::NAN), "NaN"),
            (Data::Int(919_876_543_210), "919876543210"),
            (Data::String(" as it stands ".to_owned()), " as it stands "),
            (Data::Bool(true), "TRUE"),
            (Data::Error(CellErrorType::Ref), "#REF!"),
            (Data::Empty, ""),
            (date(46_082.0), "2026-03-01"),
            (date(46_082.395_833_333_336), "2026-03-01T09:30:00"),
            (date(0.5), "12:00:00"),
            (date(4_155_550_100.0), "4155550100"),
            (date(-1.0), "-1"),
            (span(1.5), "36:00:00"),
        ];
        for (value, expected) in cases {
            assert_eq!(text(value.clone()), expected, "{value:?}");
        }
    }
}
