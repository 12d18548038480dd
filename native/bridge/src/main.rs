//! The program `sealwire-bridge`.

fn main() -> std::process::ExitCode {
    sealwire_bridge::main()
}
