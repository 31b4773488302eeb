//! The whole pipeline beside a bare loop and beside other programs: `cargo bench --bench compare [-- OPTIONS]` runs `compare.py`.

mod script;

fn main() {
    script::run("compare.py");
}
