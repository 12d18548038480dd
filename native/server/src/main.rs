//! The program `sealwired`.

/// glibc's allocator keeps freed memory in its arenas: after clients that moved large values, hundreds of megabytes would stay in use.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    sealwire_server::main()
}
