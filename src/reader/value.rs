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
/// In milliseconds.
const DAY: f64 = 86_400_000.0;

pub(super) fn text(value: Data) -> String {
    match value {
        Data::Empty => String::new(),
        Data::String(text) | Data::DateTimeIso(text) => text,
        Data::DurationIso(text) => iso_duration(&text).map_or(text, duration),
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

/// ISO 8601: a date, a time, or both; a duration to the nearest millisecond.
fn date(moment: ExcelDateTime) -> String {
    let serial = moment.as_f64();
    if !(0.0..LAST_DAY).contains(&serial) {
        return number(serial);
    }
    if moment.is_duration() {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is positive and at most LAST_DAY"
        )]
        return duration((serial * DAY).round() as u64);
    }
    let (year, month, day, hour, minute, second, milli) = moment.to_ymd_hms_milli();
    let time = format!(
        "{hour:02}:{minute:02}:{second:02}{}",
        fraction(milli.into())
    );
    match () {
        () if serial < 1.0 => time,
        () if serial.fract() == 0.0 => format!("{year:04}-{month:02}-{day:02}"),
        () => format!("{year:04}-{month:02}-{day:02}T{time}"),
    }
}

/// Hours, minutes and seconds of so many milliseconds.
fn duration(millis: u64) -> String {
    let seconds = millis / 1000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let fraction = fraction(millis % 1000);
    format!("{hours:02}:{minutes:02}:{:02}{fraction}", seconds % 60)
}

fn fraction(millis: u64) -> String {
    match millis {
        0 => String::new(),
        millis => format!(".{millis:03}"),
    }
}

/// The milliseconds of `PT36H00M00S`, as `.ods` has it for a duration or a time.
fn iso_duration(text: &str) -> Option<u64> {
    let (hours, rest) = text.strip_prefix("PT")?.split_once('H')?;
    let (minutes, rest) = rest.split_once('M')?;
    let (seconds, fraction) = match rest.strip_suffix('S')? {
        whole if whole.bytes().all(|byte| byte.is_ascii_digit()) => (whole, "0"),
        parts => parts.split_once(['.', ','])?,
    };
    let millis: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let [hours, minutes, seconds] = [hours, minutes, seconds].map(|part| part.parse::<u32>().ok());
    Some(
        ((u64::from(hours?) * 60 + u64::from(minutes?)) * 60 + u64::from(seconds?)) * 1000 + millis,
    )
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
            (span(0.999_999_999_999_999_9), "24:00:00"),
            (span(1.999_999_999_999_999_6), "48:00:00"),
            (span(1.0 / 96.0), "00:15:00"),
            (span(5.0 / 86_400_000.0), "00:00:00.005"),
            (Data::DurationIso("PT36H00M00S".to_owned()), "36:00:00"),
            (
                Data::DurationIso("PT01H02M03.450000000S".to_owned()),
                "01:02:03.450",
            ),
            (Data::DurationIso("P1Y".to_owned()), "P1Y"),
            (Data::DurationIso("PTHMS".to_owned()), "PTHMS"),
        ];
        for (value, expected) in cases {
            assert_eq!(text(value.clone()), expected, "{value:?}");
        }
    }
}
