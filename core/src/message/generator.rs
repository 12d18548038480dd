//! A seeded source of values for the round-trip tests (splitmix64).

use alloc::vec::Vec;

/// The number of seeds in each round-trip test.
const SEEDS: u64 = 500;

/// Calls `test` with many seeds. A failure names the seed; `from_seed` repeats it.
pub(super) fn for_many_seeds(test: impl Fn(&mut Generator, u64)) {
    for seed in 0..SEEDS {
        test(&mut Generator::from_seed(seed), seed);
    }
}

/// A source of pseudo-random values.
pub(super) struct Generator(u64);

impl Generator {
    pub(super) fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number in which every count of bits is equally likely.
    pub(super) fn number(&mut self) -> u64 {
        let shift = self.below(64);
        self.u64() >> shift
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.u64() % bound
    }

    pub(super) fn flag(&mut self) -> bool {
        self.below(2) == 0
    }

    /// Bytes, sometimes more of them than a one-byte length can express.
    pub(super) fn bytes(&mut self) -> Vec<u8> {
        let bound = if self.below(8) == 0 { 70_000 } else { 40 };
        let length = self.below(bound);
        (0..length).map(|_| self.u64() as u8).collect()
    }

    /// Bytes without NUL, at most as many as a one-byte length can express.
    pub(super) fn name(&mut self) -> Vec<u8> {
        let length = self.below(40);
        (0..length).map(|_| (self.below(255) + 1) as u8).collect()
    }
}
