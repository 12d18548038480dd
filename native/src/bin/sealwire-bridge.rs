//! The bridge.

fn main() -> std::process::ExitCode {
    sealwire::bridge::main()
}
