//! The program `sealwire-gateway`.

fn main() -> std::process::ExitCode {
    sealwire_gateway::main()
}
