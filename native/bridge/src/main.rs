//! The bridge.

fn main() -> std::process::ExitCode {
    sealwire_bridge::main()
}
