//! Memory for the rows and columns of a result, freed all at once.

use std::alloc::{Layout, alloc, dealloc};
use std::ffi::{c_char, c_void};
use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// The size of the first chunk. Each further one is twice as large, up to [`LARGEST`]; then they are regions, of whose last large page a
/// part is wasted: at most a quarter of what the chunks hold.
const FIRST: usize = 4 * 1024;
const LARGEST: usize = 4 * 1024 * 1024;
/// Everything is aligned for pointers.
const ALIGN: usize = align_of::<*mut c_char>();
/// The size of a region of many rows. Only what is written takes memory.
const REGION: usize = 16 * 1024 * 1024;
/// The size and alignment of large pages on x86-64 and aarch64, by which a region costs 1/512 of the page faults.
const LARGE_PAGE: usize = 2 * 1024 * 1024;
/// By how much a region is filled with usual pages.
const USUAL_STEP: usize = 256 * 1024;
/// The time of a large page for which the system need not move other memory. By usual pages the same memory takes about as long.
const USUAL_TIME: Duration = Duration::from_millis(1);
/// When large pages have taken so much more, the rest are usual ones. One may take longer because another process ran meanwhile.
const MOST_LOST: Duration = Duration::from_millis(4);

/// A bump allocator. Its values stay at their places until the arena is dropped.
#[derive(Debug)]
pub(crate) struct Arena {
    chunks: Vec<Chunk>,
    /// The free part of the last chunk.
    free: *mut u8,
    left: usize,
    /// The bytes behind the free part in the last region, which have no memory yet.
    reserved: usize,
    /// By how much large pages have taken longer than is usual.
    lost: Duration,
}

/// Memory of an arena.
#[derive(Debug)]
enum Chunk {
    /// From the allocator.
    Small(NonNull<u8>, Layout),
    /// From the system: the address and size of the whole mapping.
    Region(*mut c_void, usize),
}

impl Arena {
    pub(crate) const fn new() -> Self {
        Self { chunks: Vec::new(), free: ptr::null_mut(), left: 0, reserved: 0, lost: Duration::ZERO }
    }

    /// Room for `size` bytes, not initialised, aligned for pointers; `None` where the system has no memory.
    #[inline]
    pub(crate) fn take(&mut self, size: usize) -> Option<*mut u8> {
        let size = size.checked_next_multiple_of(ALIGN)?;
        if size > self.left {
            self.grow(size)?;
        }
        let taken = self.free;
        self.left -= size;
        // SAFETY: `size` bytes of the chunk are left, so the pointer stays within it or at its end.
        self.free = unsafe { taken.add(size) };
        Some(taken)
    }

    #[cold]
    fn grow(&mut self, size: usize) -> Option<()> {
        let usual = FIRST.checked_shl(u32::try_from(self.chunks.len()).ok()?).filter(|usual| *usual <= LARGEST);
        match usual {
            Some(usual) => self.grow_by_chunk(size.max(usual)),
            None => {
                if size > self.left + self.reserved {
                    self.begin_region(size)?;
                }
                self.fill_region(size);
                Some(())
            }
        }
    }

    fn grow_by_chunk(&mut self, size: usize) -> Option<()> {
        let layout = Layout::from_size_align(size, ALIGN).ok()?;
        // SAFETY: the size is not 0, because it is at least FIRST.
        let chunk = NonNull::new(unsafe { alloc(layout) })?;
        self.chunks.push(Chunk::Small(chunk, layout));
        self.free = chunk.as_ptr();
        self.left = layout.size();
        Some(())
    }

    fn begin_region(&mut self, size: usize) -> Option<()> {
        let wanted = size.max(REGION).checked_next_multiple_of(LARGE_PAGE)?;
        let whole = wanted.checked_add(LARGE_PAGE)?;
        // SAFETY: a new private mapping at a place of the system's choice concerns no other memory.
        let mapping =
            unsafe { mmap_anonymous(ptr::null_mut(), whole, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE) }
                .ok()?;
        self.chunks.push(Chunk::Region(mapping, whole));
        let skipped = mapping.addr().checked_next_multiple_of(LARGE_PAGE)? - mapping.addr();
        // SAFETY: `skipped` is less than a large page, by which the mapping is larger than the wanted size.
        let start = unsafe { mapping.byte_add(skipped) };
        self.free = start.cast();
        self.left = 0;
        self.reserved = wanted;
        Some(())
    }

    /// Makes `size` bytes of the region free, and gets memory for them at once, which costs less than a fault for each page.
    fn fill_region(&mut self, size: usize) {
        let is_large = self.lost < MOST_LOST;
        let step = if is_large { LARGE_PAGE } else { USUAL_STEP };
        let more = size.saturating_sub(self.left).next_multiple_of(step).min(self.reserved);
        let before = Instant::now();
        // SAFETY: the pages are behind the free part, within the region, and nobody has written to them. The advice changes no contents.
        // Systems without large pages refuse the first one; older ones refuse the second, and get the memory when it is written.
        unsafe {
            let behind = self.free.add(self.left).cast();
            if is_large {
                let _ = rustix::mm::madvise(behind, more, rustix::mm::Advice::LinuxHugepage);
            }
            let _ = rustix::mm::madvise(behind, more, rustix::mm::Advice::LinuxPopulateWrite);
        }
        let pages = u32::try_from(more / LARGE_PAGE).unwrap_or(u32::MAX);
        if is_large {
            self.lost += before.elapsed().saturating_sub(USUAL_TIME.saturating_mul(pages));
        }
        self.left += more;
        self.reserved -= more;
    }

    /// A copy of the bytes with a NUL behind them.
    pub(crate) fn text(&mut self, bytes: &[u8]) -> Option<*mut c_char> {
        let copy = self.take(bytes.len().checked_add(1)?)?;
        // SAFETY: `copy` has room for the bytes and one more, and is not part of `bytes`.
        unsafe {
            ptr::copy_nonoverlapping(bytes.as_ptr(), copy, bytes.len());
            copy.add(bytes.len()).write(0);
        }
        Some(copy.cast())
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        for chunk in self.chunks.drain(..) {
            match chunk {
                // SAFETY: the chunk was allocated with this layout, and nobody may use its memory after the arena.
                Chunk::Small(chunk, layout) => unsafe { dealloc(chunk.as_ptr(), layout) },
                // SAFETY: the whole mapping is this arena's, and nobody may use its memory after the arena. It can't fail.
                Chunk::Region(mapping, size) => drop(unsafe { munmap(mapping, size) }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    #[test]
    fn pieces_are_aligned_and_do_not_overlap() {
        for lost in [Duration::ZERO, MOST_LOST] {
            let mut arena = Arena::new();
            arena.lost = lost;
            fills(arena);
        }
    }

    fn fills(mut arena: Arena) {
        let mut taken: Vec<(usize, usize)> = Vec::new();
        let small = [1, 8, 100, 5000, 3, LARGEST + 1, 7, 0, 4096];
        // The last ones are in regions.
        for size in small.into_iter().chain([3_000_000; 12]).chain([REGION + 1, 9, REGION - 8, 8, 8]) {
            let at = arena.take(size).unwrap() as usize;
            assert_eq!(at % ALIGN, 0);
            assert!(taken.iter().all(|(from, length)| at >= from + length || at + size <= *from));
            // SAFETY: the arena gave room for `size` bytes.
            unsafe { (at as *mut u8).write_bytes(7, size) };
            taken.push((at, size));
        }
        let text = arena.text(b"caf\xc3\xa9").unwrap();
        // SAFETY: the arena ends the text with a NUL.
        assert_eq!(unsafe { CStr::from_ptr(text) }, c"café");
        assert!(arena.take(usize::MAX).is_none());
    }
}
