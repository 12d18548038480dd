//! Sets of flags as encoded on the wire. [`flags!`] defines one type for each set.

/// Defines a type for a set of flags: its constants, its methods, and a `Debug` that joins the names by `|`, for readable traces.
macro_rules! flags {
    ($(#[$about:meta])* $type:ident: $bits:ty { $($(#[$doc:meta])* $name:ident = $value:expr;)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $type($bits);

        impl $type {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            const NAMES: &'static [(&'static str, $bits)] = &[$((stringify!($name), $value)),*];

            /// The empty set.
            pub const NONE: Self = Self(0);

            /// The set with this number on the wire.
            pub const fn from_bits(bits: $bits) -> Self {
                Self(bits)
            }

            /// The number on the wire.
            pub const fn bits(self) -> $bits {
                self.0
            }

            /// Whether every flag of `other` is set.
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Sets the flags of `other`.
            pub const fn insert(&mut self, other: Self) {
                self.0 |= other.0;
            }

            /// The flags that are not in `other`.
            #[must_use]
            pub const fn without(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }

            /// All flags of both sets. Constants need this method, because `|` is not const.
            #[must_use]
            pub const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// The names of the flags in the set, lowest bit first.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                Self::NAMES.iter().filter(move |(_, bit)| self.0 & bit != 0).map(|(name, _)| *name)
            }
        }

        impl core::ops::BitOr for $type {
            type Output = Self;
            fn bitor(self, other: Self) -> Self {
                self.union(other)
            }
        }

        impl core::ops::BitOrAssign for $type {
            fn bitor_assign(&mut self, other: Self) {
                self.insert(other);
            }
        }

        impl core::ops::BitAnd for $type {
            type Output = Self;
            fn bitand(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }
        }

        impl core::fmt::Debug for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let mut first = true;
                for name in self.names() {
                    write!(f, "{}{name}", if first { "" } else { "|" })?;
                    first = false;
                }
                if first { f.write_str("(none)") } else { Ok(()) }
            }
        }
    };
}

pub(super) use flags;
