//! The names of compression algorithms, in `--compression-algorithms` of the client and `--protocol-compression-algorithms` of the server.

use sealwire_core::message::Capabilities;
use sealwire_core::wire::compressed::Algorithm;

/// A list of algorithms. Their order in the option means nothing, as in MySQL: zlib is preferred to zstd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Algorithms {
    zlib: bool,
    zstd: bool,
    /// Whether a connection without compression is allowed.
    pub uncompressed: bool,
}

impl Algorithms {
    /// The list that `--compress` stands for.
    pub const COMPRESS: Self = Self { zlib: true, zstd: false, uncompressed: true };

    /// No compression.
    pub const NONE: Self = Self { zlib: false, zstd: false, uncompressed: true };

    /// Parses the names, separated by commas; the error is a sentence that names the option.
    pub fn parse(option: &str, text: &str) -> Result<Self, String> {
        let mut algorithms = Self::default();
        for name in text.split(',').map(str::trim) {
            match name.to_ascii_lowercase().as_str() {
                "zlib" => algorithms.zlib = true,
                "zstd" => algorithms.zstd = true,
                "uncompressed" => algorithms.uncompressed = true,
                _ => {
                    return Err(format!(
                        "option '--{option}': '{name}' is none of zlib, zstd, uncompressed; several are separated by commas"
                    ));
                }
            }
        }
        Ok(algorithms)
    }

    /// The algorithms that a client asks for, the preferred one first.
    pub fn wanted(self, zstd_level: u8) -> Vec<Algorithm> {
        let zlib = self.zlib.then_some(Algorithm::Zlib);
        zlib.into_iter().chain(self.zstd.then_some(Algorithm::Zstd { level: zstd_level })).collect()
    }

    /// The capability flags by which a server offers the algorithms.
    pub fn offered(self) -> Capabilities {
        let mut offered = Capabilities::NONE;
        for (is_on, flag) in [(self.zlib, Capabilities::COMPRESS), (self.zstd, Capabilities::ZSTD_COMPRESSION)] {
            if is_on {
                offered |= flag;
            }
        }
        offered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_in_any_order() {
        let read = |text| Algorithms::parse("compression-algorithms", text);
        let both = read("zstd, ZLIB,uncompressed").unwrap();
        assert_eq!(both.wanted(9), [Algorithm::Zlib, Algorithm::Zstd { level: 9 }]);
        assert_eq!(both.offered(), Capabilities::COMPRESS | Capabilities::ZSTD_COMPRESSION);
        let none = read("uncompressed").unwrap();
        assert!(none.uncompressed && none.wanted(3).is_empty() && none.offered() == Capabilities::NONE);
        assert!(!read("zstd").unwrap().uncompressed);
        for wrong in ["", "zlib;zstd", "gzip", "zlib,"] {
            let told = read(wrong).unwrap_err();
            assert!(told.contains("--compression-algorithms") && told.contains("uncompressed"), "{told}");
        }
    }
}
