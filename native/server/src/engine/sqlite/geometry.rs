//! Values of geometry columns: a number of the reference system, and Well-Known Binary.
//!
//! MariaDB's replicas stop at a value from which they can't compute the rectangle of a spatial index.
//!
//! Sources: OpenGIS 06-103r4, "Well-known Binary Representation for Geometry"; MySQL Reference Manual, "Internal Geometry Storage Format", which is
//! MariaDB's, too.

/// The kinds, by their numbers in WKB. The first is any of the others.
const KINDS: [&str; 8] = [
    "GEOMETRY",
    "POINT",
    "LINESTRING",
    "POLYGON",
    "MULTIPOINT",
    "MULTILINESTRING",
    "MULTIPOLYGON",
    "GEOMETRYCOLLECTION",
];
const POINT: usize = 1;
const LINE: usize = 2;
const POLYGON: usize = 3;
const COLLECTION: usize = 7;

/// The deepest collection within collections, because readers of WKB recurse.
const MOST_NESTED: usize = 100;
/// The bytes of the reference system's number.
const SRID: usize = 4;
/// The only order of bytes within servers: the lowest first.
const LITTLE_ENDIAN: u8 = 1;
/// The bytes of a coordinate.
const COORDINATE: usize = 8;

/// Why a column can't hold a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    /// It is no geometry.
    Malformed,
    /// It is a geometry of this kind, which is not the column's.
    Kind(&'static str),
}

/// Checks a value of a column of the kind `declared`, in upper case.
pub(super) fn check(bytes: &[u8], declared: &str) -> Result<(), Problem> {
    let wkb = bytes.get(SRID..).ok_or(Problem::Malformed)?;
    let (kind, rest) = geometry(wkb, None, 0).ok_or(Problem::Malformed)?;
    let name = KINDS.get(kind).filter(|_| rest.is_empty()).ok_or(Problem::Malformed)?;
    // A collection's column takes any kind at MariaDB's and MySQL's servers.
    let is_any = ["GEOMETRY", "GEOMETRYCOLLECTION", "GEOMCOLLECTION"].contains(&declared);
    if is_any || *name == declared { Ok(()) } else { Err(Problem::Kind(name)) }
}

/// Reads a geometry, of the kind `wanted` where one is; returns its kind and the bytes behind it. The kind is looked at before the parts are read,
/// because else the members of members would be read without a bound.
fn geometry(bytes: &[u8], wanted: Option<usize>, depth: usize) -> Option<(usize, &[u8])> {
    let rest = bytes.strip_prefix(&[LITTLE_ENDIAN])?;
    let (kind, rest) = number(rest)?;
    if wanted.is_some_and(|wanted| wanted != kind) {
        return None;
    }
    let rest = match kind {
        POINT => coordinates(rest, 1)?,
        LINE => points(rest)?,
        POLYGON => several(rest, points)?,
        // Each kind of several has the kind of its members before it by three.
        4..COLLECTION => several(rest, |rest| geometry(rest, Some(kind - 3), depth + 1).map(behind))?,
        COLLECTION if depth < MOST_NESTED => several(rest, |rest| geometry(rest, None, depth + 1).map(behind))?,
        _ => return None,
    };
    Some((kind, rest))
}

const fn behind((_, rest): (usize, &[u8])) -> &[u8] {
    rest
}

/// Reads a count, and so many parts.
fn several<'b>(bytes: &'b [u8], part: impl Fn(&'b [u8]) -> Option<&'b [u8]>) -> Option<&'b [u8]> {
    let (count, mut rest) = number(bytes)?;
    for _ in 0..count {
        rest = part(rest)?;
    }
    Some(rest)
}

fn points(bytes: &[u8]) -> Option<&[u8]> {
    let (count, rest) = number(bytes)?;
    coordinates(rest, count)
}

/// Reads so many points of two finite numbers.
fn coordinates(bytes: &[u8], points: usize) -> Option<&[u8]> {
    let (own, rest) = bytes.split_at_checked(points.checked_mul(2 * COORDINATE)?)?;
    let is_finite = |bytes: &[u8]| bytes.try_into().is_ok_and(|bytes| f64::from_le_bytes(bytes).is_finite());
    own.chunks(COORDINATE).all(is_finite).then_some(rest)
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (bytes, rest) = bytes.split_first_chunk()?;
    Some((usize::try_from(u32::from_le_bytes(*bytes)).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: u32, body: &[u8]) -> Vec<u8> {
        [&[LITTLE_ENDIAN][..], &kind.to_le_bytes(), body].concat()
    }

    fn with_srid(wkb: &[u8]) -> Vec<u8> {
        [&[0xe6, 0x10, 0, 0], wkb].concat()
    }

    fn some(parts: &[&[u8]]) -> Vec<u8> {
        [&(parts.len() as u32).to_le_bytes()[..], &parts.concat()].concat()
    }

    #[test]
    fn a_geometry_is_whole_and_of_its_column_s_kind() {
        let at = |x: f64, y: f64| [x.to_le_bytes(), y.to_le_bytes()].concat();
        let point = of(1, &at(1.0, 2.0));
        let line_of = some(&[&at(0.0, 0.0), &at(1.0, 1.0)]);
        let line = of(2, &line_of);
        let polygon = of(3, &some(&[&line_of, &line_of]));
        let all = [
            ("POINT", point.clone()),
            ("LINESTRING", line.clone()),
            ("POLYGON", polygon.clone()),
            ("MULTIPOINT", of(4, &some(&[&point, &point]))),
            ("MULTILINESTRING", of(5, &some(&[&line]))),
            ("MULTIPOLYGON", of(6, &some(&[&polygon]))),
            ("GEOMETRYCOLLECTION", of(7, &some(&[&point, &line, &of(7, &some(&[]))]))),
        ];
        for (kind, wkb) in &all {
            let value = with_srid(wkb);
            for declared in KINDS {
                let expected = if declared == *kind || declared.starts_with("GEOMETRY") {
                    Ok(())
                } else {
                    Err(Problem::Kind(kind))
                };
                assert_eq!(check(&value, declared), expected, "{kind} in {declared}");
            }
            for length in 0..value.len() {
                assert_eq!(check(&value[..length], "GEOMETRY"), Err(Problem::Malformed), "{length} bytes of {kind}");
            }
            assert_eq!(check(&[&value[..], &[0]].concat(), "GEOMETRY"), Err(Problem::Malformed));
        }
        let mut deep = point.clone();
        for _ in 0..MOST_NESTED {
            deep = of(7, &some(&[&deep]));
        }
        assert_eq!(check(&with_srid(&deep), "GEOMETRY"), Ok(()));
        let wrong = [
            of(7, &some(&[&deep])),
            of(0, &at(1.0, 2.0)),
            of(8, &at(1.0, 2.0)),
            of(1, &at(f64::NAN, 2.0)),
            of(1, &at(1.0, f64::INFINITY)),
            of(2, &u32::MAX.to_le_bytes()),
            of(3, &u32::MAX.to_le_bytes()),
            of(7, &u32::MAX.to_le_bytes()),
            of(4, &some(&[&line])),
            of(6, &some(&[&point])),
            [&[0], &1u32.to_be_bytes()[..], &1.0f64.to_be_bytes(), &2.0f64.to_be_bytes()].concat(),
        ];
        for kind in 4u32..=7 {
            let nested = of(kind, &1u32.to_le_bytes()).repeat(200_000);
            assert_eq!(check(&with_srid(&nested), "GEOMETRY"), Err(Problem::Malformed), "{kind} within {kind}");
        }
        for wkb in wrong {
            assert_eq!(check(&with_srid(&wkb), "GEOMETRY"), Err(Problem::Malformed), "{wkb:?}");
        }
    }
}
