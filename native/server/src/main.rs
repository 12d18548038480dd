//! The server.

/// glibc keeps what its arenas have freed: after clients that moved large values, hundreds of megabytes for nobody.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    sealwire_server::main()
}
