//! Reads cells from standard input, one a line as `REGION<tab>CELL` (`-` for no region; `\n`, `\t` and `\\` stand
//! for themselves), and prints `number<tab>code<tab>recoveries` for each. The differential test drives it.

use std::io::{self, BufRead, Write};

use leadfix::phone::{AllowedTypes, Region, Rules, normalise};

fn main() -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (region, cell) = line.split_once('\t').unwrap_or(("-", &line));
        let default_region = region.parse::<Region>().ok();
        let rules = Rules {
            default_region,
            allowed_types: AllowedTypes::ALL,
        };
        let cell = cell
            .replace("\\n", "\n")
            .replace("\\t", "\t")
            .replace("\\\\", "\\");
        match normalise(&cell, None, &rules) {
            Ok(read) => {
                let recovered: Vec<&str> = read
                    .recovered
                    .iter()
                    .map(leadfix::phone::Recovery::code)
                    .collect();
                writeln!(out, "{}\tok\t{}", read.number, recovered.join(","))?;
            }
            Err(refusal) => writeln!(out, "\t{refusal}\t")?,
        }
    }
    out.flush()
}
