//! Debian's packages that are unpacked for `tests/capi`, because installing them would start daemons and replace programs of the machine.

use std::path::Path;
use std::process::Command;

use crate::run::{Context, on_path, output, run};
use crate::setup::up_to_date;

/// The packages and archives that the list names.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted<'t> {
    together: Vec<&'t str>,
    alone: Vec<&'t str>,
    sources: Vec<[&'t str; 3]>,
}

impl<'t> Wanted<'t> {
    fn read(list: &'t str) -> Result<Self, String> {
        let mut wanted = Self::default();
        for line in list.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match *line.split(' ').collect::<Vec<_>>() {
                ["package", name] => wanted.together.push(name),
                ["alone", name] => wanted.alone.push(name),
                ["source", package, archive, hash] => wanted.sources.push([package, archive, hash]),
                _ => return Err(format!("packages.txt has an unknown line: {line}")),
            }
        }
        Ok(wanted)
    }
}

/// Fills the folder `interop/debian` with `root`, the packages' files, and `sources`, the unpacked archives by their packages.
pub(crate) fn unpack(context: &Context) -> Result<(), String> {
    let list = context.root.join("tests/capi/debian/packages.txt");
    let root = output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !(on_path("apt-get") && root) {
        println!("the programs of {} are unpacked only on Debian and as root: their tests are skipped", list.display());
        return Ok(());
    }
    let folder = context.target.join("interop/debian");
    up_to_date(&folder, &[&list], || {
        let text = std::fs::read_to_string(&list).map_err(|error| format!("{}: {error}", list.display()))?;
        let wanted = Wanted::read(&text)?;
        run(Command::new("apt-get").args(["-q", "update"]))?;
        packages(&folder, "together", &wanted.together)?;
        for name in &wanted.alone {
            packages(&folder, name, &[name])?;
        }
        wanted.sources.iter().try_for_each(|source| archive(&folder, source))
    })
}

/// Downloads packages and what they need, and unpacks them all into one folder.
fn packages(folder: &Path, name: &str, wanted: &[&str]) -> Result<(), String> {
    let archives = folder.join(name);
    make(&archives.join("partial"))?;
    let mut download = Command::new("apt-get");
    download.args(["-q", "-y", "--download-only", "--no-install-recommends", "--reinstall"]);
    download.arg("-o").arg(format!("Dir::Cache::archives={}", archives.display()));
    // The unprivileged user of apt may not write into this folder.
    download.args(["-o", "APT::Sandbox::User=root", "install"]).args(wanted);
    run(&mut download)?;
    let root = folder.join("root");
    make(&root.join("usr"))?;
    // Debian's own folders at the top are links into usr; packages of this release still name them.
    let unpack = "for place in bin lib sbin; do mkdir -p \"$1/usr/$place\"; ln -sfn \"usr/$place\" \"$1/$place\"; done
        for package in \"$0\"/*.deb; do
            dpkg-deb --fsys-tarfile \"$package\" | tar -x --keep-directory-symlink -C \"$1\" --exclude=./usr/share/doc \\
                --exclude=./usr/share/man --exclude=./usr/share/locale || exit 1
        done
        rm -r \"$0\"";
    run(Command::new("sh").args(["-c", unpack]).args([&archives, &root]))
}

/// Downloads a source package's archive, which lies beside the package itself in Debian's pool.
fn archive(folder: &Path, [package, archive, hash]: &[&str; 3]) -> Result<(), String> {
    let told = output(Command::new("apt-get").args(["download", "--print-uris", package]))?;
    let uri = told.trim().strip_prefix('\'').and_then(|rest| rest.split('\'').next());
    let (pool, _) =
        uri.and_then(|uri| uri.rsplit_once('/')).ok_or_else(|| format!("apt names no address of {package}"))?;
    let (to, place) = (folder.join(archive), folder.join("sources").join(package));
    make(&place)?;
    let mut download = Command::new("/usr/lib/apt/apt-helper");
    download.args(["-o", "APT::Sandbox::User=root", "download-file"]).arg(format!("{pool}/{archive}")).arg(&to);
    run(download.arg(format!("SHA256:{hash}")))?;
    run(Command::new("tar").arg("-xf").arg(&to).arg("-C").arg(&place).arg("--strip-components=1"))
}

fn make(folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read() {
        let list = "# why\npackage a\n\npackage b\nalone c\nsource d d.orig.tar.gz 00ff\n";
        let wanted =
            Wanted { together: vec!["a", "b"], alone: vec!["c"], sources: vec![["d", "d.orig.tar.gz", "00ff"]] };
        assert_eq!(Wanted::read(list), Ok(wanted));
        assert!(Wanted::read("package a b").is_err_and(|error| error.contains("package a b")));
    }
}
