//! The server.

fn main() -> std::process::ExitCode {
    sealwire::server::main()
}
