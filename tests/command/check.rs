//! `check`: the preflight alone, without a key and without the network.

use leadfix::sandbox::Options;
use serde_json::{Value, json};

use crate::world::{INPUT, Ran, World, number};

/// `check` on these rows, as from a shell without any setting.
fn check(rows: &str, options: &str) -> (Ran, World) {
    let world = World::new(Vec::new());
    world.write(INPUT, rows);
    let ran = world
        .leadfix(&format!("check corrections.csv {options}"))
        .without("DIALNEXA_API_KEY")
        .without("DIALNEXA_BASE_URL")
        .run();
    assert_eq!(world.ledger().counts.connections, 0);
    (ran, world)
}

fn rows(numbers: &[&str]) -> String {
    let rows = numbers
        .iter()
        .enumerate()
        .map(|(at, number)| format!("lead_{at},{number}\n"));
    format!("lead_id,phone_number\n{}", rows.collect::<String>())
}

#[test]
fn a_file_without_fault_is_fine() {
    let (ran, world) = check(&rows(&[&number(0), &number(1)]), "--region IN");
    ran.expect(0).says("2 rows");
    assert_eq!(world.files().len(), 1, "no file is begun\n{ran}");
}

#[test]
fn what_each_column_is_read_as_is_said() {
    let header = "Batch,Lead ID,Handset,metadata.City,a,b,c,d,e,f,g,h";
    let text = format!("{header}\nx,lead_a,{},Pune,,,,,,,,\n", number(0));
    let options = "--region IN --map phone_number=Handset";
    let (ran, _world) = check(&text, options);
    ran.expect(0)
        .says("  read      `Lead ID` as lead_id, `Handset` as phone_number, `metadata.City`\n")
        .says("  carried   `Batch`, `a`, `b`, `c`, `d`, `e`, `f`, `g`, and 1 more\n");
    let (ran, _world) = check(&text, &format!("{options} --json"));
    let document: Value = serde_json::from_str(&ran.expect(0).stdout).expect("it is one document");
    let columns =
        json!({"lead_id": "Lead ID", "phone_number": "Handset", "metadata.City": "metadata.City"});
    assert_eq!(document["columns"], columns);
}

#[test]
fn every_invalid_row_is_listed_with_line_reason_and_cell() {
    let text = format!(
        "lead_id,phone_number,name\nlead_a,{},\n\nlead_b,1234,\nlead_c,,\n,{},\n",
        number(0),
        number(1)
    );
    let (ran, _world) = check(&text, "--region IN");
    ran.expect(1);
    for words in [
        "line 4  phone_too_short  `1234`",
        "line 5  no_change",
        "line 6  empty_lead_id",
        "1 blank line",
    ] {
        ran.says(words);
    }
}

#[test]
fn the_cell_that_is_shown_is_the_one_that_is_wrong() {
    let text = format!(
        "lead_id,phone_number,country,name,metadata,metadata.city\n\
         lead_a,<clear>,,Asha,,\nlead_b,{0},<clear>,Asha,,\nlead_c,,,<clear>,{{}},\nlead_d,,,Asha,<clear>,\n\
         lead_e,,,Asha,[1],\nlead_f,,,,\"{{\"\"city\"\":\"\"Pune\"\"}}\",Goa\nlead_g,{0},Narnia,,,\nlead_h,12,,,,\nlead_i,,,,,\n\
         lead_j,,,,,#N/A\n",
        number(0)
    );
    let (ran, _world) = check(&text, "--region IN");
    ran.expect(1);
    for words in [
        "line 2  not_clearable  `<clear>`  `<clear>` stands in `phone_number`",
        "line 3  not_clearable  `<clear>`  `<clear>` stands in `country`",
        "line 4  not_clearable  `<clear>`  `<clear>` stands in `name`",
        "line 5  not_clearable  `<clear>`  `<clear>` stands in `metadata`",
        "line 6  invalid_metadata  `[1]`",
        "line 7  invalid_metadata  `Goa`",
        "line 8  country_unknown  `Narnia`",
        "line 9  phone_too_short  `12`",
        "line 10  no_change  `lead_i`",
        "line 11  spreadsheet_error  `#N/A`",
    ] {
        ran.says(words);
    }
}

#[test]
fn a_row_with_more_variables_than_any_lead_has_room_for_is_listed() {
    let object = |count: usize| {
        let pairs: Vec<String> = (0..count)
            .map(|index| format!("\"\"k{index}\"\":1"))
            .collect();
        format!("\"{{{}}}\"", pairs.join(","))
    };
    let text = format!(
        "lead_id,metadata,metadata.city\nlead_a,{},\nlead_b,{},Pune\nlead_c,{},<clear>\n",
        object(15),
        object(15),
        object(15)
    );
    let (ran, _world) = check(&text, "");
    ran.expect(1)
        .says("line 3  too_many_variables")
        .says("16 variables")
        .never_says("line 2  ")
        .never_says("line 4  ");
    check(&text, "--max-invalid 0").0.expect(1);
}

#[test]
fn in_json_it_is_one_document() {
    let text = format!(
        "lead_id,phone_number,nmae\nlead_a,{},\nlead_b,\"12\n34\",\"say \"\"hi\"\"\"\nlead_c,09876500001.0,\n",
        number(0)
    );
    let (ran, _world) = check(&text, "--region IN --json");
    ran.expect(1);
    let document: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}\n{ran}"));
    assert_eq!(
        (&document["rows"], &document["valid"], &document["invalid"]),
        (&json!(3), &json!(2), &json!(1)),
        "{ran}"
    );
    let invalid = document["invalid_rows"].as_array().expect("a list");
    assert_eq!(invalid.len(), 1);
    assert_eq!(
        (&invalid[0]["row"], &invalid[0]["line"], &invalid[0]["cell"]),
        (&json!(2), &json!(3), &json!("12\n34"))
    );
    assert!(document["warnings"].to_string().contains("nmae"), "{ran}");
    let (ran, _world) = check(&rows(&[&number(0)]), "--region IN --json");
    ran.expect(0);
    let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(document["invalid_rows"], json!([]));
}

#[test]
fn fixed_writes_every_readable_number_in_e164_and_nothing_else_differs() {
    let text = "lead_id,Phone,remark\nlead_a,98765-00001,\"a, b\"\nlead_b,12,=x\nlead_c,0091 98765 00002,\n";
    let (ran, world) = check(text, "--region IN --fixed fixed.csv");
    ran.expect(1).says("fixed copy  fixed.csv");
    let fixed = String::from_utf8(world.read("fixed.csv")).expect("text");
    assert_eq!(
        fixed,
        "\u{feff}lead_id,Phone,remark\nlead_a,+919876500001,\"a, b\"\nlead_b,12,=x\nlead_c,+919876500002,\n"
    );
    world
        .run("check corrections.csv --region IN --fixed fixed.csv")
        .complains(74, &["`fixed.csv`", "does not exist yet"]);
    world
        .run("check fixed.csv")
        .expect(1)
        .never_says("region_assumed");
    world
        .run("check corrections.csv --region IN --fixed corrections.csv")
        .expect(74);
    assert_eq!(world.read(INPUT), text.as_bytes());
}

#[test]
fn a_fixed_copy_that_cannot_be_finished_is_not_there() {
    let world = World::plain(2000, Options::default());
    let full = ["sh", "-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "sh"].map(str::to_owned);
    let check = || world.leadfix("check corrections.csv --region IN --fixed fixed.csv");
    check()
        .under(&full)
        .run()
        .complains(74, &["`fixed.csv`", "too large"]);
    assert_eq!(world.files().len(), 1, "half of it would look like all");
    check().run().expect(0);
}

#[test]
fn duplicates_and_shared_numbers_are_told_apart() {
    let (one, two, three) = (number(0), number(1), number(2));
    let same = format!("lead_id,phone_number\nlead_a,{one}\nlead_a,+91 {one}\n");
    check(&same, "--region IN").0.expect(0);
    let torn = format!("lead_id,phone_number\nlead_a,{one}\nlead_b,{two}\nlead_a,{three}\n");
    let (ran, _world) = check(&torn, "--region IN");
    ran.expect(1)
        .says("line 2  conflicting_duplicate")
        .says("line 4  conflicting_duplicate")
        .says("line 4 wants")
        .says("line 2 wants");
    let shared = format!("lead_id,phone_number\nlead_a,{one}\nlead_b,{two}\nlead_c,+91{one}\n");
    let (ran, _world) = check(&shared, "--region IN");
    ran.expect(0).says("lines 2 and 4").says("called twice");
    let (ran, _world) = check(&shared, "--region IN --forbid-shared-numbers");
    ran.expect(1)
        .says("line 2  shared_number")
        .says("line 4  shared_number")
        .never_says("line 3  shared");
}

#[test]
fn so_many_invalid_rows_are_tolerated() {
    let text = rows(&[&number(0), &number(1), &number(2), "12"]);
    for (limit, code) in [("0", 1), ("1", 0), ("24%", 1), ("25%", 0), ("100%", 0)] {
        check(&text, &format!("--region IN --max-invalid {limit}"))
            .0
            .expect(code);
    }
    for limit in ["many", "-1", "101%", ""] {
        let world = World::plain(1, Options::default());
        world
            .leadfix("check corrections.csv --max-invalid")
            .arg(limit)
            .run()
            .expect(2);
    }
}

#[test]
fn a_suspicious_column_is_objected_to_unless_accepted() {
    let negative: Vec<String> = (0..6).map(|index| format!("-{}", number(index))).collect();
    let negative: Vec<&str> = negative.iter().map(String::as_str).collect();
    let rounded = [
        "9876510000",
        "9876520000",
        "9876530000",
        "9876540000",
        "9876550000",
        "9876560001",
    ];
    for column in [&negative[..], &rounded] {
        let (ran, _world) = check(&rows(column), "--region IN");
        ran.expect(1).says("alarm: ");
        let (ran, _world) = check(
            &rows(column),
            "--region IN --accept-suspect --max-invalid 100%",
        );
        ran.expect(0).says("alarm: ");
        let (ran, _world) = check(&rows(column), "--region IN --json");
        let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        assert_eq!(
            document["alarms"].as_array().map(Vec::len),
            Some(1),
            "{ran}"
        );
    }
}

#[test]
fn formulas_that_were_never_worked_out_are_objected_to_unless_accepted() {
    for fixture in ["formula-at-zero.xlsx", "formula-without-result.xls"] {
        let world = World::new(Vec::new());
        let bytes = std::fs::read(format!("fixtures/input/{fixture}")).expect("a fixture");
        world.write(INPUT, bytes);
        world
            .run("check corrections.csv --region IN --max-invalid 100%")
            .expect(1)
            .says("alarm: every formula in the column of cell B2");
        world
            .run("check corrections.csv --region IN --max-invalid 100% --accept-suspect")
            .expect(0);
        world
            .run("check corrections.csv --region IN --json")
            .says("formulas_without_results");
    }
}

#[test]
fn a_hint_shows_no_escapes_of_the_header() {
    let text = format!(
        "lead_id,phone,metadta.\u{1b}[31mred\nlead_a,{},x\n",
        number(0)
    );
    for options in ["--region IN", "--region IN --json"] {
        let (ran, _world) = check(&text, options);
        ran.expect(0).says("red").never_says("\u{1b}");
    }
}

#[test]
fn columns_can_be_named_outright() {
    let text = format!("Kunde,Mobile No.,phone\nlead_a,{},12\n", number(0));
    let world = World::new(Vec::new());
    world.write(INPUT, text);
    world
        .run("check corrections.csv --region IN")
        .complains(65, &["lead_id"]);
    let named = "check corrections.csv --region IN --map lead_id=Kunde --map";
    world
        .leadfix(named)
        .arg("phone_number=Mobile No.")
        .run()
        .expect(0);
    world
        .leadfix(named)
        .arg("phone_number=No such")
        .run()
        .complains(65, &["No such"]);
    world.leadfix(named).arg("nonsense=Kunde").run().expect(2);
    world.write(
        "leadfix.toml",
        "map = { lead_id = \"Kunde\", phone_number = \"Mobile No.\", mobile = \"phone\" }\n",
    );
    let check = "check corrections.csv --region IN";
    world
        .run(check)
        .complains(65, &["two things about `phone_number`"]);
    world
        .leadfix(&format!("{check} --map"))
        .arg("phone_number=Mobile No.")
        .run()
        .expect(0);
}

#[test]
fn without_a_region_a_national_number_is_not_guessed() {
    let (ran, _world) = check(&rows(&[&number(0)]), "");
    ran.expect(1).says("region_unknown");
    let (ran, _world) = check(
        &format!(
            "lead_id,phone,country\nlead_a,{},91\nlead_b,+14155552671,IN\n",
            number(0)
        ),
        "",
    );
    ran.expect(1)
        .says("line 3  country_mismatch")
        .never_says("line 2  ");
}

#[test]
fn damage_is_refused_or_becomes_an_invalid_row() {
    let text = format!(
        "lead_id,phone_number\nlead_a,{}\nlead_b\nlead_c,{}\n",
        number(0),
        number(1)
    );
    check(&text, "--region IN")
        .0
        .complains(65, &["corrections.csv", "line 3"]);
    let (ran, _world) = check(&text, "--region IN --skip-bad-rows");
    ran.expect(1).says("line 3  damaged_row");
    let (ran, world) = check(&text, "--region IN --skip-bad-rows --fixed fixed.csv");
    ran.expect(1)
        .says("1 damaged row is not in `fixed.csv`: line 3");
    assert_eq!(
        world.read("fixed.csv").split(|byte| *byte == b'\n').count(),
        4
    );
    let (ran, _world) = check(
        &rows(&["12"]),
        "--region IN --skip-bad-rows --fixed fixed.csv",
    );
    ran.expect(1).never_says("damaged");
}

#[test]
fn it_reads_standard_input() {
    let world = World::new(Vec::new());
    world
        .leadfix("check - --region IN")
        .stdin(rows(&[&number(0)]))
        .run()
        .expect(0);
    world
        .leadfix("check - --region IN")
        .stdin(rows(&["12"]))
        .run()
        .expect(1)
        .says("phone_too_short");
}
