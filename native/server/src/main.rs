//! The program `sealwired`.

/// glibc's allocator keeps freed memory in its arenas: after clients that moved large values, hundreds of megabytes would stay in use.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    // The allocator asks the kernel for huge pages, of which each keeps 2 MB in memory while any small part of it is in use.
    #[cfg(feature = "mimalloc")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    sealwire_server::main()
}
