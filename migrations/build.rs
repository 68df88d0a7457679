//! Rebuilds the crate when a migration is added or changed: `sqlx::migrate!` reads them as files.

fn main() {
    println!("cargo:rerun-if-changed=.");
}
