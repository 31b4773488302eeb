//! What the server says when it refuses.

use std::fmt;

use serde::Deserialize;

use super::Dialect;

/// The error envelope, `{"statusCode":400,"message":"…"|["…"],"error":"Bad Request"}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Complaint {
    /// The server's words, one entry for each bad field; empty where the body was no envelope.
    pub messages: Vec<String>,
}

impl Complaint {
    /// Reads the envelope; anything else (HTML, nothing) gives an empty complaint.
    pub fn from_reply(body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Envelope {
            message: Message,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Message {
            One(String),
            Many(Vec<String>),
        }
        let messages = match serde_json::from_slice::<Envelope>(body) {
            Ok(Envelope {
                message: Message::One(one),
            }) => vec![one],
            Ok(Envelope {
                message: Message::Many(many),
            }) => many,
            Err(_) => Vec::new(),
        };
        Self { messages }
    }

    /// Whether the server says that a field which only this spelling uses should not exist.
    pub fn refuses_spelling(&self, dialect: Dialect) -> bool {
        let ours: &[&str] = match dialect {
            Dialect::Guide => &["phone_number", "metadata"],
            Dialect::Reference => &["phoneNumber", "notes"],
        };
        self.messages.iter().any(|message| {
            message.contains("should not exist")
                && message
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .any(|word| ours.contains(&word))
        })
    }

    /// Whether the server speaks of the destination and not of the key.
    pub fn speaks_of_destination(&self) -> bool {
        let about = ["destination", "telephony", "country", "prefix"];
        self.messages.iter().any(|message| {
            let message = message.to_lowercase();
            about.iter().any(|word| message.contains(word))
        })
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.messages.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints() {
        let array = Complaint::from_reply(
            br#"{"statusCode":400,"message":["property phone_number should not exist","x"],"error":"Bad Request"}"#,
        );
        assert_eq!(
            array.to_string(),
            "property phone_number should not exist; x"
        );
        assert!(
            array.refuses_spelling(Dialect::Guide) && !array.refuses_spelling(Dialect::Reference)
        );
        let one = Complaint::from_reply(br#"{"message":"Destination country is not allowed"}"#);
        assert!(one.speaks_of_destination() && !one.refuses_spelling(Dialect::Guide));
        assert_eq!(
            Complaint::from_reply(b"<html>").messages,
            Vec::<String>::new()
        );
    }
}
