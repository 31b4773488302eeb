//! Files that hold phone numbers: readable by their owner alone.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

/// Options that create files with mode 0600.
pub fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// A temporary file without a name, for which the system frees the room whatever happens to the process.
pub fn unnamed() -> io::Result<File> {
    // Named for a moment, as the unnamed kind leaves the rights to the umask.
    NamedTempFile::new().map(NamedTempFile::into_file)
}

/// A new file that has its content from the start: after a crash there is all of it, or nothing. It is an error when
/// there is one already.
pub fn create(path: &Path, content: &[u8]) -> io::Result<File> {
    let mut file = beside(path)?;
    file.write_all(content)?;
    keep(file, path)
}

/// Gives a file that was written [`beside`] its name. It is an error when there is one of that name already.
pub fn keep(file: NamedTempFile, path: &Path) -> io::Result<File> {
    file.as_file().sync_all()?;
    let file = file.persist_noclobber(path)?;
    sync_folder(path)?;
    Ok(file)
}

/// Replaces a small file as a whole: after a crash there is the old one or the new one.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = beside(path)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_folder(path)
}

/// An empty file under a name that takes the place of what a run left there that was killed; gone when it is dropped.
pub fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".leadfix-new");
    match std::fs::remove_file(folder(path).join(&name)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    tempfile::Builder::new()
        .prefix(&name)
        .rand_bytes(0)
        .tempfile_in(folder(path))
}

/// Makes a new or renamed directory entry durable.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

/// The folder a path stands in.
pub fn folder(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}
