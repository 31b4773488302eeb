//! The API key: where it comes from, and that it stays secret. It is never an argument.

use std::path::Path;

use secrecy::SecretString;

use crate::error::{Exit, Fatal};

/// The variable that holds the key.
pub const VARIABLE: &str = "DIALNEXA_API_KEY";

/// Finds the key: in the file stated, else in the environment, else in `.env` in the current folder.
///
/// # Errors
/// When there is none (exit 2), or when the file can be read by others (exit 78).
pub fn find(file: Option<&Path>, dotenv: &DotEnv) -> Result<SecretString, Fatal> {
    if let Some(path) = file {
        return from_file(path);
    }
    let variable = std::env::var(VARIABLE)
        .ok()
        .or_else(|| dotenv.get(VARIABLE));
    match variable
        .map(|key| key.trim().to_owned())
        .filter(|key| !key.is_empty())
    {
        Some(key) => Ok(key.into()),
        None => Err(Fatal::new(
            Exit::Usage,
            format!(
                "no API key: set `{VARIABLE}`, put it into `.env`, or name a file with --api-key-file"
            ),
        )),
    }
}

fn from_file(path: &Path) -> Result<SecretString, Fatal> {
    let unusable = |what: &dyn std::fmt::Display| {
        Fatal::new(
            Exit::Usage,
            format!("key file `{}`: {what}", path.display()),
        )
    };
    let metadata = std::fs::metadata(path).map_err(|error| unusable(&error))?;
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
    if mode & 0o077 != 0 {
        return Err(Fatal::new(
            Exit::Misconfigured,
            format!(
                "key file `{0}` can be read by others; run `chmod 600 '{0}'` first",
                path.display()
            ),
        ));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unusable(&error))?;
    match text.trim() {
        "" => Err(unusable(&"it is empty")),
        key if key.contains(char::is_whitespace) => {
            Err(unusable(&"it must hold the key and nothing else"))
        }
        key => Ok(key.to_owned().into()),
    }
}

/// The variables of a `.env` file; the process's own environment is left as it is.
#[derive(Default)]
pub struct DotEnv(Vec<(String, String)>);

impl DotEnv {
    /// Reads a file; none is no error.
    ///
    /// # Errors
    /// When there is one that cannot be parsed; the message shows none of it.
    pub fn read(path: &Path) -> Result<Self, Fatal> {
        let Ok(entries) = dotenvy::from_path_iter(path) else {
            return Ok(Self::default());
        };
        let entries: Result<Vec<_>, _> = entries.collect();
        entries.map(Self).map_err(|_| {
            Fatal::new(
                Exit::Misconfigured,
                format!("`{}` cannot be parsed as NAME=value lines", path.display()),
            )
        })
    }

    /// The last value given to a name.
    pub fn get(&self, name: &str) -> Option<String> {
        self.0
            .iter()
            .rev()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use std::os::unix::fs::PermissionsExt;

    fn file(content: &str, mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn a_key_file_is_read_only_when_nobody_else_can() {
        let good = file("keyid:secret\n", 0o600);
        let key = find(Some(good.path()), &DotEnv::default()).unwrap();
        assert_eq!(key.expose_secret(), "keyid:secret");
        assert!(!format!("{key:?}").contains("secret:") && !format!("{key:?}").contains("keyid"));
        for (content, mode, exit) in [
            ("key", 0o644, Exit::Misconfigured),
            ("key", 0o640, Exit::Misconfigured),
            ("", 0o600, Exit::Usage),
            ("two words", 0o600, Exit::Usage),
        ] {
            let file = file(content, mode);
            assert_eq!(
                find(Some(file.path()), &DotEnv::default())
                    .unwrap_err()
                    .exit,
                exit,
                "{content} {mode:o}"
            );
        }
        assert_eq!(
            find(Some(Path::new("/no/such")), &DotEnv::default())
                .unwrap_err()
                .exit,
            Exit::Usage
        );
    }

    #[test]
    fn a_dotenv_file_gives_its_last_value_and_a_broken_one_shows_nothing() {
        let env = DotEnv::read(file("A=1\nexport A='2'\n# c\n", 0o600).path()).unwrap();
        assert_eq!(env.get("A").as_deref(), Some("2"));
        assert_eq!(env.get("B"), None);
        assert!(
            DotEnv::read(Path::new("/no/such"))
                .unwrap()
                .get("A")
                .is_none()
        );
        let broken = DotEnv::read(file("DIALNEXA_API_KEY='sec ret\nx y z", 0o600).path());
        let error = broken.err().expect("a quote that is not closed");
        assert!(!error.message.contains("sec"), "{error}");
    }
}
