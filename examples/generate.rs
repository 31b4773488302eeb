//! Writes generated correction rows to stdout, for runs that are larger than any file worth keeping:
//! `cargo run --release --example generate -- 1000000 > million.csv`. The leads are unknown to everybody; a
//! sandbox without a leads file knows every ID.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

const NAMES: [&str; 8] = [
    "Priya Sharma",
    "राहुल वर्मा",
    "Mohammed Irfan",
    "Kavya Nair",
    "கார்த்திக்",
    "\"D'Souza, Maria\"",
    "Arjun Reddy",
    "Zoë",
];
const PRODUCTS: [&str; 4] = ["home_loan", "gold_loan", "credit_card", "car_loan"];
const CITIES: [&str; 5] = ["Pune", "Chennai", "Delhi", "Kochi", "Surat"];

fn main() -> ExitCode {
    let count = std::env::args().nth(1).and_then(|count| count.parse().ok());
    let Some(count) = count.filter(|&count: &u32| count <= 900_000_000) else {
        drop(writeln!(
            io::stderr(),
            "usage: generate ROWS (at most 900000000)"
        ));
        return ExitCode::from(2);
    };
    match write(
        count,
        &mut BufWriter::with_capacity(1 << 16, io::stdout().lock()),
    ) {
        // A reader that has seen enough is no failure.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            drop(writeln!(io::stderr(), "cannot write: {error}"));
            ExitCode::from(74)
        }
        _ => ExitCode::SUCCESS,
    }
}

fn write(count: u32, out: &mut impl Write) -> io::Result<()> {
    let mut random = fastrand::Rng::with_seed(20_261_124);
    writeln!(
        out,
        "lead_id,phone_number,name,metadata.product,metadata.city"
    )?;
    // Steps through all numbers from 90… to 98… without meeting one twice: the step has no factor in
    // common with their count.
    let mut number: u64 = 0;
    for row in 0..count {
        number = (number + 7_654_321) % 900_000_000;
        let phone = 9_000_000_000 + number;
        let name = NAMES[random.usize(..NAMES.len())];
        let product = PRODUCTS[random.usize(..PRODUCTS.len())];
        let city = CITIES[random.usize(..CITIES.len())];
        let id = random.u32(..36u32.pow(5));
        writeln!(
            out,
            "lead_{row:07}{id:05},{phone},{name},{product},{city}",
            id = Base36(id)
        )?;
    }
    out.flush()
}

/// A number in the alphabet of lead IDs.
struct Base36(u32);

impl std::fmt::Display for Base36 {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut left = self.0;
        let digits = std::array::from_fn::<_, 5, _>(|_| {
            let digit = char::from_digit(left % 36, 36).unwrap_or('0');
            left /= 36;
            digit
        });
        digits
            .iter()
            .rev()
            .try_for_each(|digit| write!(formatter, "{digit}"))
    }
}
