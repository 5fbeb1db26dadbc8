//! The command line of Everblob.

mod cli;

fn main() {
    cli::main();
}
