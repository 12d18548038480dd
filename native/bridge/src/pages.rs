//! Serves static files from one directory, and none from outside of it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// The directory of pages.
#[derive(Debug)]
pub struct Pages {
    /// The canonical path, without links and `..`.
    root: PathBuf,
}

/// A file to send.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) file: File,
    /// The file's size in bytes.
    pub(super) length: u64,
    /// An entity tag that changes with the file, and differs between the file's encodings.
    pub(super) etag: String,
    pub(super) content_type: &'static str,
    /// The content encoding: `br`, `gzip`, or none.
    pub(super) encoding: Option<&'static str>,
}

/// The encodings in order of preference, each with the extension of an encoded file.
const ENCODINGS: [(&str, &str); 2] = [("br", "br"), ("gzip", "gz")];

impl Pages {
    /// Opens the directory.
    ///
    /// # Errors
    /// Why the directory can't be served.
    pub(super) fn open(directory: &Path) -> Result<Self, String> {
        let root = fs::canonicalize(directory).map_err(|error| error.to_string())?;
        if root.is_dir() { Ok(Self { root }) } else { Err("it is not a directory".to_owned()) }
    }

    /// The file for a request's path; an encoded version where the client accepts it and it exists beside the file. `None` alike for a
    /// missing file and for a forbidden one.
    pub(super) fn find(&self, path: &str, accept_encoding: &str) -> Option<Page> {
        let relative = relative(path)?;
        let plain = self.within(&relative)?;
        let content_type = content_type(&relative);
        let encoded = ENCODINGS.iter().filter(|(name, _)| accepts(accept_encoding, name));
        let mut encoded = encoded.filter_map(|(name, ending)| {
            let mut path = relative.clone().into_os_string();
            path.push(".");
            path.push(ending);
            Some((self.within(Path::new(&path))?, *name))
        });
        let (path, encoding) = match encoded.next() {
            Some((path, name)) => (path, Some(name)),
            None => (plain, None),
        };
        let file = File::open(path).ok()?;
        let metadata = file.metadata().ok()?;
        let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let etag = format!("\"{:x}-{:x}{}\"", changed.as_nanos(), metadata.len(), encoding.unwrap_or_default());
        Some(Page { file, length: metadata.len(), etag, content_type, encoding })
    }

    /// The canonical path of a file under the root, with all links followed.
    fn within(&self, relative: &Path) -> Option<PathBuf> {
        let path = fs::canonicalize(self.root.join(relative)).ok()?;
        // Only regular files are served, because opening a pipe would wait for its writer.
        (path.starts_with(&self.root) && path.is_file()).then_some(path)
    }
}

/// The path below the root: percent-decoded, without `..` and hidden names, `index.html` for a directory.
fn relative(path: &str) -> Option<PathBuf> {
    let decoded = decoded(path.strip_prefix('/')?)?;
    let mut relative = PathBuf::new();
    let mut parts = decoded.split('/').peekable();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        let part = if part.is_empty() && is_last { "index.html" } else { part };
        if part.is_empty() || part.starts_with('.') || part.contains(['\0', '\\', ':']) {
            return None;
        }
        relative.push(part);
    }
    Some(relative)
}

/// Percent-decoded UTF-8.
fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                let high = digit()?;
                high << 4 | digit()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Whether the `Accept-Encoding` list has the encoding, without `q=0`.
fn accepts(accept_encoding: &str, name: &str) -> bool {
    accept_encoding.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let quality = |part: &str| part.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).unwrap_or(1.0);
        parts.next().is_some_and(|coding| coding.eq_ignore_ascii_case(name)) && parts.all(|part| quality(part) > 0.0)
    })
}

/// Whether the `If-None-Match` list has the file's current entity tag.
pub(super) fn is_known(if_none_match: &str, etag: &str) -> bool {
    if_none_match.split(',').map(str::trim).any(|item| item == "*" || item.trim_start_matches("W/") == etag)
}

fn content_type(path: &Path) -> &'static str {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" | "md" | "ts" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::symlink;

    use super::*;

    struct Site {
        place: tempfile::TempDir,
        pages: Pages,
    }

    fn site() -> Site {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("page");
        fs::create_dir_all(root.join("assets/.hidden")).unwrap();
        for (name, text) in [
            ("index.html", "<p>"),
            ("index.html.br", "brotli"),
            ("index.html.gz", "gzip"),
            ("assets/a b.wasm", "wasm"),
            ("assets/.hidden/x", "hidden"),
            ("../secret", "secret"),
            ("../page2", "a file whose name begins like the root's"),
        ] {
            fs::write(root.join(name), text).unwrap();
        }
        symlink("../secret", root.join("link")).unwrap();
        symlink("../secret", root.join("assets/a b.wasm.gz")).unwrap();
        symlink("..", root.join("up")).unwrap();
        symlink("index.html", root.join("inner")).unwrap();
        let pages = Pages::open(&root).unwrap();
        Site { place, pages }
    }

    fn text(page: Option<Page>) -> Option<String> {
        let mut text = String::new();
        page?.file.read_to_string(&mut text).unwrap();
        Some(text)
    }

    #[test]
    fn files_are_found_with_their_types() {
        let Site { pages, place: _place } = site();
        let page = pages.find("/", "").unwrap();
        assert_eq!((page.content_type, page.encoding, page.length), ("text/html; charset=utf-8", None, 3));
        let page = pages.find("/assets/a%20b.wasm", "br, gzip").unwrap();
        assert_eq!((page.content_type, page.encoding), ("application/wasm", None), "the encoded one leads outside");
        assert_eq!(text(pages.find("/inner", "")).as_deref(), Some("<p>"), "a link that stays inside");
    }

    #[test]
    fn encodings_are_the_client_s_choice() {
        let Site { pages, place: _place } = site();
        let with = |accept: &str| pages.find("/index.html", accept).unwrap();
        for (accept, expected) in [
            ("gzip, deflate, br;q=1.0", Some("br")),
            ("gzip;q=0.5, br;q=0", Some("gzip")),
            ("GZIP", Some("gzip")),
            ("identity", None),
            ("brotli", None),
        ] {
            assert_eq!(with(accept).encoding, expected, "{accept}");
        }
        let (plain, brotli) = (with("").etag, with("br").etag);
        assert_ne!(plain, brotli);
        assert!(is_known(&format!("\"x\", W/{plain}"), &plain) && is_known("*", &plain) && !is_known(&brotli, &plain));
    }

    #[test]
    fn nothing_outside_is_found() {
        let Site { pages, place } = site();
        let whole = place.path().join("secret").display().to_string();
        let whole = format!("/{whole}");
        for path in [
            "/../secret",
            "/%2e%2e/secret",
            "/..%2fsecret",
            "/%2e%2e%2fsecret",
            "/assets/../../secret",
            "/..\\secret",
            "/..%5csecret",
            "//secret",
            "/./index.html",
            "/link",
            "/up/secret",
            "/up/page2",
            "/assets/.hidden/x",
            "/index.html%00.js",
            "/%c0%ae%c0%ae/secret",
            "/%2",
            "/%zz",
            "secret",
            "/assets",
            "/assets/",
            "/index.html/",
            whole.as_str(),
        ] {
            assert!(text(pages.find(path, "br, gzip")).is_none(), "{path}");
        }
    }

    #[test]
    fn the_directory_must_be_one() {
        let Site { place, pages: _pages } = site();
        assert!(Pages::open(&place.path().join("nowhere")).unwrap_err().contains("No such file"));
        assert!(Pages::open(&place.path().join("secret")).unwrap_err().contains("not a directory"));
    }
}
