//! `sealwire`: the client's program. All of it is in [`sealwire_terminal`].

use std::process::ExitCode;

fn main() -> ExitCode {
    sealwire_terminal::main()
}
