//! What a run has learnt of a key's quota at one base URL, for the next one to begin with: a small file in the user's
//! state folder, without any secret. What is missing, old or damaged is learnt anew.

use std::io;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::pace::Quota;
use crate::private;

/// Older knowledge is not worth trying.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Where the knowledge lies.
#[derive(Debug)]
pub struct Learnt(PathBuf);

#[derive(Serialize, Deserialize)]
struct Content {
    quota: Quota,
    learnt_at: Timestamp,
}

impl Learnt {
    /// Beside the lock of the same key and base URL.
    pub fn beside(lock: &Path) -> Self {
        Self(lock.with_extension("quota.json"))
    }

    /// What is known, unless it is too old.
    pub fn load(&self) -> Option<Quota> {
        let content: Content = serde_json::from_slice(&std::fs::read(&self.0).ok()?).ok()?;
        let age = Timestamp::now().duration_since(content.learnt_at);
        (age < KEPT_FOR && content.quota.is_sane()).then_some(content.quota)
    }

    /// Keeps it for the next run.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn store(&self, quota: Quota) -> io::Result<()> {
        let learnt_at = Timestamp::now();
        let content = serde_json::to_vec_pretty(&Content { quota, learnt_at })?;
        private::replace(&self.0, &content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knowledge_reads_back_and_nonsense_is_no_knowledge() {
        let folder = tempfile::tempdir().unwrap();
        let learnt = Learnt::beside(&folder.path().join("0123.lock"));
        assert_eq!(learnt.load(), None);
        for quota in [
            Quota::Windows {
                limit: 500,
                window: 1.0,
            },
            Quota::Sliding {
                limit: 600,
                window: 60.0,
            },
            Quota::Bucket { rate: 12.5 },
            Quota::Unannounced { rate: 0.5 },
        ] {
            learnt.store(quota).unwrap();
            assert_eq!(learnt.load(), Some(quota));
        }
        let now = Timestamp::now();
        for (quota, learnt_at) in [
            (r#"{"bucket":{"rate":0.0}}"#, now),
            (r#"{"windows":{"limit":0,"window":1.0}}"#, now),
            (r#"{"windows":{"limit":5,"window":-1.0}}"#, now),
            (r#"{"windows":{"limit":5,"window":1e20}}"#, now),
            (r#"{"sliding":{"limit":5,"window":86401}}"#, now),
            (r#"{"unannounced":{"rate":1e90}}"#, now),
            (r#"{"guess":{}}"#, now),
            (r#"{"bucket":{"rate":5.0}}"#, Timestamp::UNIX_EPOCH),
        ] {
            let text = format!(r#"{{"quota":{quota},"learnt_at":"{learnt_at}"}}"#);
            std::fs::write(&learnt.0, text).unwrap();
            assert_eq!(learnt.load(), None, "{quota}");
        }
    }
}
