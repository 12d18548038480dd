//! `sealwire`: the client's program. All of it is in [`sealwire::terminal`].

use std::process::ExitCode;

fn main() -> ExitCode {
    sealwire::terminal::main()
}
