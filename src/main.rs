//! The `awsmfa` binary. Everything is in the library.

fn main() -> std::process::ExitCode {
    awsmfa::main()
}
