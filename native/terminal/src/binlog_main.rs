//! The program `sealwire-binlog`; its code is in [`sealwire_terminal::binlog`].

use std::process::ExitCode;

fn main() -> ExitCode {
    sealwire_terminal::binlog::main()
}
