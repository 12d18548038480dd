//! The page that shows `/status`, in the program itself, so that it needs no folder.

/// A file of the page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct File {
    path: &'static str,
    pub(super) kind: &'static str,
    pub(super) text: &'static str,
}

const FILES: [File; 3] = [
    File { path: "/", kind: "text/html; charset=utf-8", text: include_str!("../../../web/gateway/index.html") },
    File {
        path: "/status.css",
        kind: "text/css; charset=utf-8",
        text: include_str!("../../../web/gateway/status.css"),
    },
    File {
        path: "/status.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("../../../web/gateway/status.js"),
    },
];

/// The file at a path.
pub(super) fn find(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_files_that_it_names() {
        let page = find("/").unwrap().text;
        let named = page.split('"').filter(|name| name.starts_with("status."));
        let found = named.map(|name| find(&format!("/{name}")).unwrap().kind).collect::<Vec<_>>();
        assert_eq!(found, ["text/css; charset=utf-8", "text/javascript; charset=utf-8"]);
        assert!(find("/status").is_none());
    }
}
