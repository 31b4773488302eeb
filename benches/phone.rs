//! How fast phone cells are normalised, side by side with the bare library, and what the first call and the
//! library's data cost. Run with `cargo bench --bench phone`; the Python port's figure comes from
//! `tests/differential/run.sh`.
//!
//! One core; the median of eleven rounds. The cells are made by a seeded generator and differ from one another.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use leadfix::phone::{AllowedTypes, Region, Rules, normalise};
use rlibphonenumber::PHONE_NUMBER_UTIL;

const CELLS: usize = 50_000;
const ROUNDS: usize = 11;

fn main() {
    let memory = resident();
    let rules = Rules {
        default_region: None,
        allowed_types: AllowedTypes::default(),
    };
    let start = Instant::now();
    assert!(normalise("+919876543210", None, &rules).is_ok());
    let first = start.elapsed();
    let region: Region = "IN".parse().expect("a region");
    let rules = Rules {
        default_region: Some(region),
        ..rules
    };

    let mut random = fastrand::Rng::with_seed(7);
    let plain: Vec<String> = (0..CELLS).map(|_| mobile(&mut random)).collect();
    let written: Vec<String> = plain
        .iter()
        .map(|number| disguise(&mut random, number))
        .collect();

    println!(
        "first call          {:>9.1} ms (target: below 30)",
        first.as_secs_f64() * 1000.0
    );
    let indian = rate(&plain, |cell| normalise(cell, None, &rules).is_ok());
    if let (Some(before), Some(after)) = (memory, resident()) {
        let added = after.saturating_sub(before + cells_memory(&[&plain, &written]));
        println!(
            "memory, Indian file {:>9.1} MB (target: below 50)",
            megabytes(added)
        );
    }
    let library = rate(&plain, |cell| library(cell, rlibphonenumber::Region::IN));
    println!(
        "Indian mobiles      {indian:>9.0} cells/s (target: 500000); bare library {library:.0}, ratio {:.2}",
        indian / library
    );
    let indian = rate(&written, |cell| normalise(cell, None, &rules).is_ok());
    let library = rate(&written, |cell| {
        self::library(cell, rlibphonenumber::Region::IN)
    });
    println!(
        "the same, disguised {indian:>9.0} cells/s (target: 500000); bare library {library:.0}, ratio {:.2}",
        indian / library
    );
    let world = worldwide(&mut random);
    let worldwide = rate(&world, |cell| normalise(cell, None, &rules).is_ok());
    let library = rate(&world, |cell| {
        self::library(cell, rlibphonenumber::Region::IN)
    });
    println!(
        "worldwide           {worldwide:>9.0} cells/s (target: 250000); bare library {library:.0}, ratio {:.2}",
        worldwide / library
    );
    if let (Some(before), Some(after)) = (memory, resident()) {
        let added = after.saturating_sub(before + cells_memory(&[&plain, &written, &world]));
        println!("memory, worldwide   {:>9.1} MB", megabytes(added));
    }
    let (slowest, cell) = slowest();
    println!(
        "slowest odd cell    {:>9.1} us (target: below 1000): {cell:.40}",
        slowest.as_secs_f64() * 1e6
    );
}

fn library(cell: &str, region: rlibphonenumber::Region) -> bool {
    PHONE_NUMBER_UTIL
        .parse(cell, Some(region))
        .is_ok_and(|number| {
            PHONE_NUMBER_UTIL.is_valid_number(&number) && !number.to_string().is_empty()
        })
}

/// Cells a second: the median round.
fn rate(cells: &[String], mut accept: impl FnMut(&str) -> bool) -> f64 {
    let mut rounds: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            let accepted = cells.iter().filter(|cell| accept(black_box(cell))).count();
            assert!(
                black_box(accepted) > cells.len() / 2,
                "only {accepted} of {} accepted",
                cells.len()
            );
            start.elapsed()
        })
        .collect();
    rounds.sort();
    let cells = u32::try_from(cells.len()).expect("few cells");
    f64::from(cells) / rounds[ROUNDS / 2].as_secs_f64()
}

fn mobile(random: &mut fastrand::Rng) -> String {
    let first = random.u64(6..=9);
    format!("{first}{:09}", random.u64(1..1_000_000_000))
}

/// As a spreadsheet or a person would have it.
fn disguise(random: &mut fastrand::Rng, number: &str) -> String {
    let (front, back) = number.split_at(5);
    match random.u8(0..10) {
        0 => format!("+91{number}"),
        1 => format!("+91 {front} {back}"),
        2 => format!("'{number}"),
        3 => format!("{number}.0"),
        4 => format!("0{number}"),
        5 => format!("91{number}"),
        6 => format!("+91-{front}-{back}"),
        7 => format!("{front}\u{a0}{back}"),
        8 => format!("tel:+91{number}"),
        _ => format!("{front} {back}"),
    }
}

/// Numbers of all regions in international form: examples with their last digits changed.
fn worldwide(random: &mut fastrand::Rng) -> Vec<String> {
    let mut regions: Vec<_> = PHONE_NUMBER_UTIL.get_supported_regions().collect();
    regions.sort();
    let mut cells = Vec::with_capacity(CELLS);
    while cells.len() < CELLS {
        let region = regions[random.usize(..regions.len())];
        let Ok(example) = PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(
            region,
            rlibphonenumber::PhoneNumberType::Mobile,
        ) else {
            continue;
        };
        let example = example.to_string();
        let cell = format!(
            "{}{:03}",
            &example[..example.len() - 3],
            random.u16(0..1000)
        );
        cells.push(if random.bool() {
            cell
        } else {
            format!("{} {}", &cell[..4], &cell[4..])
        });
    }
    cells
}

/// The longest that any of the cells made to be slow takes, each at its best of five.
fn slowest() -> (Duration, String) {
    let rules = Rules {
        default_region: "DE".parse().ok(),
        allowed_types: AllowedTypes::default(),
    };
    let cells = [
        "9".repeat(250),
        "(".repeat(250),
        "+49 30 12345x78".to_owned(),
        "1/".repeat(125),
        " x".repeat(125),
        "1,".repeat(125),
        "tel:".repeat(62),
        "'".repeat(250),
        "(m)".repeat(83),
        "٩".repeat(250),
        "9".repeat(1_000_000),
        "mobile no ".repeat(25),
        "1.".repeat(125),
        "+".repeat(250),
        "030/1234567/12345678".to_owned(),
    ];
    cells
        .into_iter()
        .map(|cell| {
            let best = (0..5).map(|_| {
                let start = Instant::now();
                let _ = black_box(normalise(black_box(&cell), None, &rules));
                start.elapsed()
            });
            (best.min().unwrap_or_default(), cell)
        })
        .max()
        .expect("some cells")
}

fn cells_memory(columns: &[&Vec<String>]) -> u64 {
    // A string's record and, at the allocator's smallest, its text.
    columns
        .iter()
        .map(|cells| cells.len() as u64 * (24 + 32))
        .sum()
}

/// What the process holds in memory, where the system says so.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace()
        .nth(1)?
        .parse::<u64>()
        .ok()
        .map(|kilobytes| kilobytes * 1024)
}

fn megabytes(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes / 1024).unwrap_or(u32::MAX)) / 1024.0
}
