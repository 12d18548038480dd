//! The program `sealwire`; its code is in [`sealwire_terminal`].

use std::process::ExitCode;

fn main() -> ExitCode {
    sealwire_terminal::main()
}
