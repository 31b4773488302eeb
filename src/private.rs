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

/// A new file; it is an error when there is one already.
pub fn create_new(path: &Path) -> io::Result<File> {
    options().write(true).create_new(true).open(path)
}

/// A temporary file without a name, for which the system frees the room whatever happens to the process.
pub fn unnamed() -> io::Result<File> {
    // Named for a moment, as the unnamed kind leaves the rights to the umask.
    NamedTempFile::new().map(NamedTempFile::into_file)
}

/// A new file that has its content from the start: after a crash there is all of it, or nothing. It is an error when
/// there is one already.
pub fn create(path: &Path, content: &[u8]) -> io::Result<File> {
    let file = beside(path, content)?.persist_noclobber(path)?;
    sync_folder(path)?;
    Ok(file)
}

/// Replaces a small file as a whole: after a crash there is the old one or the new one.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    beside(path, content)?.persist(path)?;
    sync_folder(path)
}

/// The content, durable, under a name that takes the place of what a run left there that was killed.
fn beside(path: &Path, content: &[u8]) -> io::Result<NamedTempFile> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".leadfix-new");
    match std::fs::remove_file(folder(path).join(&name)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = tempfile::Builder::new()
        .prefix(&name)
        .rand_bytes(0)
        .tempfile_in(folder(path))?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    Ok(file)
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
