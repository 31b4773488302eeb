//! What a row costs, counted: `cargo bench --bench costs [-- OPTIONS]` runs `costs.py`.

mod script;

fn main() {
    script::run("costs.py");
}
