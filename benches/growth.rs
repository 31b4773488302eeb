//! How cost grows: `cargo bench --bench growth [-- OPTIONS]` runs `growth.py`.

mod script;

fn main() {
    script::run("growth.py");
}
