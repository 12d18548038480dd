//! Memory for the rows and columns of a result, freed all at once.

use std::alloc::{Layout, alloc, dealloc};
use std::ffi::c_char;
use std::ptr::{self, NonNull};

/// The size of the first chunk; each further one is twice as large, up to [`LARGEST`].
const FIRST: usize = 4 * 1024;
const LARGEST: usize = 1024 * 1024;
/// Everything is aligned for pointers.
const ALIGN: usize = align_of::<*mut c_char>();

/// A bump allocator. Its values stay at their places until the arena is dropped.
#[derive(Debug)]
pub(crate) struct Arena {
    chunks: Vec<(NonNull<u8>, Layout)>,
    /// The free part of the last chunk.
    free: *mut u8,
    left: usize,
}

impl Arena {
    pub(crate) const fn new() -> Self {
        Self { chunks: Vec::new(), free: ptr::null_mut(), left: 0 }
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
        let usual = FIRST.checked_shl(u32::try_from(self.chunks.len()).unwrap_or(u32::MAX)).unwrap_or(LARGEST);
        let layout = Layout::from_size_align(size.max(usual.clamp(FIRST, LARGEST)), ALIGN).ok()?;
        // SAFETY: the size is not 0, because it is at least FIRST.
        let chunk = NonNull::new(unsafe { alloc(layout) })?;
        self.chunks.push((chunk, layout));
        self.free = chunk.as_ptr();
        self.left = layout.size();
        Some(())
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
        for (chunk, layout) in self.chunks.drain(..) {
            // SAFETY: the chunk was allocated with this layout, and nobody may use its memory after the arena.
            unsafe { dealloc(chunk.as_ptr(), layout) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    #[test]
    fn pieces_are_aligned_and_do_not_overlap() {
        let mut arena = Arena::new();
        let mut taken: Vec<(usize, usize)> = Vec::new();
        for size in [1, 8, 100, 5000, 3, LARGEST + 1, 7, 0, 4096] {
            let at = arena.take(size).unwrap() as usize;
            assert_eq!(at % ALIGN, 0);
            assert!(taken.iter().all(|(from, length)| at >= from + length || at + size <= *from));
            taken.push((at, size));
        }
        let text = arena.text(b"caf\xc3\xa9").unwrap();
        // SAFETY: the arena ends the text with a NUL.
        assert_eq!(unsafe { CStr::from_ptr(text) }, c"café");
        assert!(arena.take(usize::MAX).is_none());
    }
}
