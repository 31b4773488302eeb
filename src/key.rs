//! The API key: where it comes from, and that it stays secret. It is never an argument.

use std::collections::HashSet;
use std::env::VarError;
use std::fmt::Display;
use std::io::ErrorKind;
use std::path::Path;

use secrecy::SecretString;

use crate::error::{Exit, Fatal};

/// The variable that holds the key.
pub const VARIABLE: &str = "DIALNEXA_API_KEY";

/// Finds the key: in the file that a flag states, else in the environment, else in `.env` in the current folder, else
/// in the file that `leadfix.toml` names.
///
/// # Errors
/// When there is none (exit 2), or when others can read its file or `.env` does not say it as it stands (exit 78).
pub fn find(
    stated: Option<&Path>,
    dotenv: &DotEnv,
    default: Option<&Path>,
) -> Result<SecretString, Fatal> {
    if let Some(path) = stated {
        return from_file(path);
    }
    let variable = match std::env::var(VARIABLE) {
        Ok(key) => Some(key),
        Err(VarError::NotPresent) => dotenv.get(VARIABLE)?,
        Err(VarError::NotUnicode(_)) => {
            return Err(Fatal::new(Exit::Usage, format!("`{VARIABLE}` is no text")));
        }
    };
    match (variable.as_deref().map(str::trim), default) {
        (None, Some(path)) => from_file(path),
        (None | Some(""), _) => Err(Fatal::new(
            Exit::Usage,
            format!(
                "no API key: set `{VARIABLE}`, put it into `.env`, or name a file with --api-key-file"
            ),
        )),
        (Some(key), _) => Ok(key.to_owned().into()),
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

/// The variables of a `.env` file; the process's own environment is left as it is. `None`: something would be put in
/// for a `$` in the value, as a shell does. Or why it cannot be used, which matters to who looks something up in it.
pub struct DotEnv(Result<Vec<(String, Option<String>)>, Fatal>);

impl DotEnv {
    /// Reads a file; none is no error.
    pub fn read(path: &Path) -> Self {
        Self(Self::variables(path))
    }

    /// An error shows nothing of the file.
    fn variables(path: &Path) -> Result<Vec<(String, Option<String>)>, Fatal> {
        let unusable = |what: &dyn Display| {
            Fatal::new(Exit::Misconfigured, format!("`{}` {what}", path.display()))
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unusable(&format_args!("cannot be read: {error}"))),
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let entries: Result<Vec<_>, _> = dotenvy::from_read_iter(text.as_bytes()).collect();
        let entries = entries.map_err(|_| {
            unusable(
                &"cannot be parsed as NAME=value lines; put values with `$`, quotes or blanks in single quotes",
            )
        })?;
        // What is the same where `$` is a letter like any other stands as it was written.
        let letter = |text: &str| text.replace('$', "\u{e000}");
        let literal: HashSet<(String, String)> = dotenvy::from_read_iter(letter(text).as_bytes())
            .flatten()
            .collect();
        let as_written = |(name, value): (String, String)| {
            let written = literal.contains(&(name.clone(), letter(&value)));
            (name, written.then_some(value))
        };
        Ok(entries.into_iter().map(as_written).collect())
    }

    /// The last value given to a name.
    ///
    /// # Errors
    /// When the file cannot be used, or the value is not what was written: a key that is cut short at its `$` is another
    /// key.
    pub fn get(&self, name: &str) -> Result<Option<String>, Fatal> {
        let variables = self.0.as_ref().map_err(Clone::clone)?;
        match variables.iter().rev().find(|(found, _)| found == name) {
            None => Ok(None),
            Some((_, Some(value))) => Ok(Some(value.clone())),
            Some((_, None)) => Err(Fatal::new(
                Exit::Misconfigured,
                format!(
                    "`.env`: the `$` in `{name}` would be replaced; put the value in single quotes"
                ),
            )),
        }
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

    fn none() -> DotEnv {
        DotEnv(Ok(Vec::new()))
    }

    #[test]
    fn a_key_file_is_read_only_when_nobody_else_can() {
        let good = file("keyid:secret\n", 0o600);
        let key = find(Some(good.path()), &none(), None).unwrap();
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
                find(Some(file.path()), &none(), None).unwrap_err().exit,
                exit,
                "{content} {mode:o}"
            );
        }
        assert_eq!(
            find(Some(Path::new("/no/such")), &none(), None)
                .unwrap_err()
                .exit,
            Exit::Usage
        );
    }

    #[test]
    fn a_dotenv_file_gives_its_last_value_and_a_broken_one_shows_nothing() {
        let env = DotEnv::read(file("A=1\nexport A='2'\n# c\n", 0o600).path());
        assert_eq!(env.get("A").unwrap().as_deref(), Some("2"));
        assert_eq!(env.get("B").unwrap(), None);
        assert!(
            DotEnv::read(Path::new("/no/such"))
                .get("A")
                .unwrap()
                .is_none()
        );
        let broken = DotEnv::read(file("DIALNEXA_API_KEY='sec ret\nx y z", 0o600).path());
        let error = broken.get("A").expect_err("a quote that is not closed");
        assert!(!error.message.contains("sec"), "{error}");
    }

    #[test]
    fn a_value_of_a_dotenv_file_is_taken_as_it_stands_or_refused() {
        let value = |line: &str| {
            let text = format!("cd9=other\nHOME=$cd9\n{line}\n# don't\n");
            DotEnv::read(file(&text, 0o600).path()).get(VARIABLE)
        };
        for (line, expected) in [
            ("DIALNEXA_API_KEY='id:ab$cd9'", "id:ab$cd9"),
            ("export DIALNEXA_API_KEY = 'id:${cd9}' # $x", "id:${cd9}"),
            ("DIALNEXA_API_KEY=$cd9\nDIALNEXA_API_KEY=id:ab", "id:ab"),
            ("DIALNEXA_API_KEY=id:ab # not $cd9", "id:ab"),
        ] {
            assert_eq!(value(line).unwrap().as_deref(), Some(expected), "{line}");
        }
        for line in [
            "DIALNEXA_API_KEY=id:ab$cd9",
            "DIALNEXA_API_KEY=id:ab${cd9}",
            "DIALNEXA_API_KEY=id:ab$",
            "DIALNEXA_API_KEY='id:'ab$cd9",
            "DIALNEXA_API_KEY=\"id:ab$cd9\"",
            "DIALNEXA_API_KEY=\"id:ab${cd9}\"",
        ] {
            let error = value(line).unwrap_err();
            assert_eq!(error.exit, Exit::Misconfigured, "{line}");
            assert!(error.message.contains("single quotes"), "{error}");
            assert!(!error.message.contains("id:"), "{error}");
        }
    }

    #[test]
    fn a_dotenv_file_is_read_with_a_mark_and_refused_where_it_cannot_be_read() {
        let env = DotEnv::read(file("\u{feff}A=1\n", 0o600).path());
        assert_eq!(env.get("A").unwrap().as_deref(), Some("1"));
        let folder = tempfile::tempdir().unwrap();
        let itself = folder.path().join(".env");
        std::os::unix::fs::symlink(&itself, &itself).unwrap();
        let error = DotEnv::read(&itself)
            .get("A")
            .expect_err("a link to itself");
        assert_eq!(error.exit, Exit::Misconfigured, "{error}");
        assert!(error.message.contains(".env"), "{error}");
    }
}
