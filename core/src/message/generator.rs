//! A seeded source of values for the round-trip tests (splitmix64).

use alloc::vec::Vec;

/// How many seeds each round-trip test tries.
const SEEDS: u64 = 500;

/// Calls `test` for many seeds; a failure names the seed, and `from_seed` runs it alone.
pub(super) fn for_many_seeds(test: impl Fn(&mut Generator, u64)) {
    for seed in 0..SEEDS {
        test(&mut Generator::from_seed(seed), seed);
    }
}

/// The source.
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

    /// A number of any size: small ones are as likely as large ones.
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

    /// Any bytes, now and then more than a length of one byte can say.
    pub(super) fn bytes(&mut self) -> Vec<u8> {
        let bound = if self.below(8) == 0 { 70_000 } else { 40 };
        let length = self.below(bound);
        (0..length).map(|_| self.u64() as u8).collect()
    }

    /// Bytes without NUL, at most as long as a length of one byte can say.
    pub(super) fn name(&mut self) -> Vec<u8> {
        let length = self.below(40);
        (0..length).map(|_| (self.below(255) + 1) as u8).collect()
    }
}
