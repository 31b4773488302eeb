//! The tables of `docs/phones.md` are those of the code. To write them anew after a change:
//! `UPDATE_DOCS=1 cargo test --test phone_docs`.

use std::fmt::Write;
use std::path::Path;

use leadfix::alarm::AlarmKind;
use leadfix::phone::{METADATA_VERSION, Recovery, Refusal};

/// A cell in a table of Markdown, visible though some of its characters are not.
fn shown(cell: &str) -> String {
    let cell: String = match cell.char_indices().nth(48) {
        Some((end, _)) => format!("{} … (250 characters and more)", &cell[..end]),
        None => cell.to_owned(),
    };
    cell.chars().fold(String::new(), |mut text, character| {
        match character {
            '|' => text.push_str("\\|"),
            '\u{a0}' | '\u{2000}'..='\u{206f}' if character != '…' => {
                write!(text, "<U+{:04X}>", u32::from(character))
                    .expect("a string takes everything");
            }
            _ => text.push(character),
        }
        text
    })
}

fn table(head: &str, rows: impl Iterator<Item = [String; 3]>) -> String {
    let mut table = format!("{head}\n| --- | --- | --- |\n");
    for [code, example, text] in rows {
        writeln!(table, "| `{code}` | `{example}` | {text} |").expect("a string takes everything");
    }
    table
}

#[test]
fn the_documented_tables_are_those_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/phones.md");
    let mut document = std::fs::read_to_string(&path)
        .expect("docs/phones.md")
        .replace("\r\n", "\n");
    let refusals = table(
        "| reason | example | what happened, and what to do |",
        Refusal::ALL.iter().map(|refusal| {
            [
                refusal.code().to_owned(),
                shown(refusal.example()),
                refusal.remedy().to_owned(),
            ]
        }),
    );
    let recoveries = table(
        "| recovery | example | what `result_detail` says |",
        Recovery::ALL.iter().map(|recovery| {
            [
                recovery.code().to_owned(),
                shown(recovery.example()),
                recovery.describe().to_owned(),
            ]
        }),
    );
    for (name, table) in [("refusals", refusals), ("recoveries", recoveries)] {
        let open = format!("<!-- {name} -->\n");
        let start = document.find(&open).expect(name) + open.len();
        let end = start + document[start..].find("<!-- end -->").expect("an end");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            document.replace_range(start..end, &table);
            std::fs::write(&path, &document).expect("docs/phones.md can be written");
        } else {
            assert_eq!(&document[start..end], table, "docs/phones.md, {name}");
        }
    }
    assert!(document.contains(&format!("metadata **{METADATA_VERSION}**")));
    for kind in AlarmKind::ALL {
        assert!(
            document.contains(&format!("| `{}` |", kind.code())),
            "{kind:?}"
        );
    }
}
