//! Request bodies: what they ask for, in the spelling that the server honours.

use std::borrow::Cow;

use serde_json::Value;

use super::answer::Refusal;
use super::lead::Variables;
use super::{Honours, UnknownFields};

/// Variables that a lead can have.
pub(super) const MOST_VARIABLES: usize = 15;

/// What a body asks for, its spelling left behind.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Asked {
    pub(super) phone: Option<String>,
    pub(super) name: Option<String>,
    pub(super) notes: Option<String>,
    pub(super) variables: Option<Variables>,
    /// For an enrolment.
    pub(super) campaign: Option<String>,
    /// Every field that was sent, honoured or not.
    pub(super) sent: Vec<String>,
}

/// Whether a text is E.164 on the face of it: a plus sign and 8 to 15 digits, the first not 0. A check of its
/// own, deliberately plain: the server is not a phone library.
pub(super) fn is_e164(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (8..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Reads the body of a PATCH.
pub(super) fn change(
    body: &[u8],
    honours: Honours,
    unknown: UnknownFields,
) -> Result<Asked, Refusal> {
    let fields = object(body)?;
    let guide = honours != Honours::Reference;
    let reference = honours != Honours::Guide;
    let mut asked = Asked::default();
    let mut wrong: Vec<Cow<'static, str>> = Vec::new();
    let country = fields.get("countryCode").and_then(Value::as_str);
    for (field, value) in &fields {
        asked.sent.push(field.clone());
        match (field.as_str(), value) {
            ("phone_number", Value::String(text)) if guide => {
                if is_e164(text) {
                    asked.phone = Some(text.clone());
                } else {
                    wrong.push("phone_number must be a valid E.164 phone number".into());
                }
            }
            ("phone_number", _) if guide => wrong.push("phone_number must be a string".into()),
            ("phoneNumber", Value::String(text)) if reference => match international(text, country)
            {
                // Where both are honoured and sent, the guide's spelling counts.
                Some(phone) => asked.phone = asked.phone.or(Some(phone)),
                None => wrong.push("phoneNumber must be a valid phone number".into()),
            },
            ("phoneNumber", _) if reference => wrong.push("phoneNumber must be a string".into()),
            ("countryCode", value) if reference => {
                let bad = value.as_str().and_then(calling_code).is_none();
                wrong.extend(bad.then_some("countryCode must be a calling code, as in +91".into()));
            }
            ("name", Value::String(text)) if reference => asked.name = Some(text.clone()),
            ("name", _) if reference => wrong.push("name must be a string".into()),
            ("metadata", Value::Object(variables)) if guide => {
                too_many(variables, "metadata", &mut wrong);
                asked.variables = Some(variables.clone());
            }
            ("metadata", _) if guide => wrong.push("metadata must be an object".into()),
            ("notes", Value::String(text)) if guide => asked.notes = Some(text.clone()),
            ("notes", Value::Object(variables)) if reference => {
                too_many(variables, "notes", &mut wrong);
                if asked.variables.is_none() {
                    asked.variables = Some(variables.clone());
                }
            }
            ("notes", _) => wrong.push(match honours {
                Honours::Guide => "notes must be a string".into(),
                Honours::Reference => "notes must be an object".into(),
                Honours::Both => "notes must be a string or an object".into(),
            }),
            _ if unknown == UnknownFields::Refused => {
                wrong.push(format!("property {field} should not exist").into());
            }
            _ => {}
        }
    }
    conclude(asked, wrong)
}

/// Reads the body of an enrolment, which is documented in one spelling only.
pub(super) fn enrolment(body: &[u8]) -> Result<Asked, Refusal> {
    let fields = object(body)?;
    let mut wrong: Vec<Cow<'static, str>> = Vec::new();
    let text = |field: &str| fields.get(field).and_then(Value::as_str);
    let mut asked = Asked {
        phone: text("phoneNumber").and_then(|phone| international(phone, text("countryCode"))),
        name: text("name").map(str::to_owned),
        campaign: text("campaignId")
            .filter(|campaign| !campaign.is_empty())
            .map(str::to_owned),
        ..Asked::default()
    };
    if asked.phone.is_none() {
        wrong.push("phoneNumber must be a valid phone number".into());
    }
    if asked.campaign.is_none() {
        wrong.push("campaignId should not be empty".into());
    }
    if fields.get("name").is_some_and(|name| !name.is_string()) {
        wrong.push("name must be a string".into());
    }
    match fields.get("notes") {
        None => {}
        Some(Value::Object(variables)) => {
            too_many(variables, "notes", &mut wrong);
            asked.variables = Some(variables.clone());
        }
        Some(_) => wrong.push("notes must be an object".into()),
    }
    conclude(asked, wrong)
}

fn object(body: &[u8]) -> Result<Variables, Refusal> {
    // As behind many a body parser, no body is an empty object.
    if body.is_empty() {
        return Ok(Variables::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Refusal::new(400, "the body must be a JSON object")),
        Err(error) => Err(Refusal::new(400, format!("the body is not JSON: {error}"))),
    }
}

fn international(text: &str, country: Option<&str>) -> Option<String> {
    let full = if text.starts_with('+') {
        text.to_owned()
    } else {
        format!("+{}{text}", calling_code(country?)?)
    };
    is_e164(&full).then_some(full)
}

fn calling_code(text: &str) -> Option<&str> {
    let digits = text.strip_prefix('+')?;
    let fits = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    (fits && !digits.starts_with('0')).then_some(digits)
}

fn too_many(variables: &Variables, field: &'static str, wrong: &mut Vec<Cow<'static, str>>) {
    if variables.len() > MOST_VARIABLES {
        wrong.push(format!("{field} must not have more than {MOST_VARIABLES} keys").into());
    }
}

fn conclude(asked: Asked, messages: Vec<Cow<'static, str>>) -> Result<Asked, Refusal> {
    if messages.is_empty() {
        Ok(asked)
    } else {
        Err(Refusal {
            status: 400,
            messages,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: &Value, honours: Honours) -> Result<Asked, Vec<String>> {
        change(body.to_string().as_bytes(), honours, UnknownFields::Dropped)
            .map_err(|refusal| refusal.messages.into_iter().map(Cow::into_owned).collect())
    }

    fn phone(body: &Value, honours: Honours) -> Option<String> {
        read(body, honours).expect("an acceptable body").phone
    }

    #[test]
    fn a_spelling_that_is_not_honoured_is_dropped_in_silence() {
        let guide = json!({"phone_number": "+919876540001", "metadata": {"a": "1"}});
        let reference = json!({"phoneNumber": "+919876540001", "name": "Asha"});
        let new = Some("+919876540001".to_owned());
        assert_eq!(phone(&guide, Honours::Guide), new);
        assert_eq!(phone(&guide, Honours::Reference), None);
        assert_eq!(phone(&guide, Honours::Both), new);
        assert_eq!(phone(&reference, Honours::Guide), None);
        assert_eq!(phone(&reference, Honours::Reference), new);
        assert_eq!(phone(&reference, Honours::Both), new);
        assert_eq!(read(&reference, Honours::Guide).expect("a body").name, None);
        assert_eq!(
            read(&guide, Honours::Reference).expect("a body").variables,
            None
        );
    }

    #[test]
    fn a_national_number_needs_its_country() {
        let with = |phone: &str, country: Option<&str>| {
            let body = json!({"phoneNumber": phone, "countryCode": country.unwrap_or("+91")});
            let mut body = body;
            if let (None, Some(fields)) = (country, body.as_object_mut()) {
                fields.shift_remove("countryCode");
            }
            read(&body, Honours::Reference).map(|asked| asked.phone)
        };
        let new = Ok(Some("+919876540001".to_owned()));
        assert_eq!(with("9876540001", Some("+91")), new);
        assert_eq!(with("+919876540001", Some("+44")), new);
        assert_eq!(with("+919876540001", None), new);
        assert!(with("9876540001", None).is_err());
        assert!(with("9876540001", Some("IN")).is_err());
        assert!(with("98765 40001", Some("+91")).is_err());
    }

    #[test]
    fn notes_have_a_type_in_each_spelling() {
        let (text, object) = (json!({"notes": "call late"}), json!({"notes": {"a": "1"}}));
        assert!(read(&text, Honours::Guide).is_ok_and(|asked| asked.notes.is_some()));
        assert_eq!(
            read(&object, Honours::Guide),
            Err(vec!["notes must be a string".to_owned()])
        );
        assert_eq!(
            read(&text, Honours::Reference),
            Err(vec!["notes must be an object".to_owned()])
        );
        assert!(read(&object, Honours::Reference).is_ok_and(|asked| asked.variables.is_some()));
        assert!(read(&text, Honours::Both).is_ok_and(|asked| asked.notes.is_some()));
        assert!(read(&object, Honours::Both).is_ok_and(|asked| asked.variables.is_some()));
        assert!(read(&json!({"notes": 3}), Honours::Both).is_err());
    }

    #[test]
    fn each_bad_field_has_its_message() {
        let keys: Variables = (0..16).map(|n| (format!("k{n}"), json!(n))).collect();
        let wrong = read(
            &json!({"phone_number": "98765", "metadata": keys}),
            Honours::Guide,
        );
        assert_eq!(
            wrong,
            Err(vec![
                "phone_number must be a valid E.164 phone number".to_owned(),
                "metadata must not have more than 15 keys".to_owned()
            ])
        );
        for body in [
            json!({"phone_number": null}),
            json!({"phone_number": 919_876_540_001_u64}),
            json!({"metadata": []}),
        ] {
            assert!(read(&body, Honours::Guide).is_err(), "{body}");
        }
        assert!(change(b"{", Honours::Guide, UnknownFields::Dropped).is_err());
        assert!(change(b"[]", Honours::Guide, UnknownFields::Dropped).is_err());
    }

    #[test]
    fn a_strict_server_names_what_it_does_not_know() {
        let body =
            json!({"phone_number": "+919876540001", "phoneNumber": "+919876540001"}).to_string();
        let refusal = change(body.as_bytes(), Honours::Reference, UnknownFields::Refused)
            .expect_err("strict");
        assert_eq!(refusal.messages, ["property phone_number should not exist"]);
    }

    #[test]
    fn e164_is_a_plus_and_digits() {
        for (text, fits) in [
            ("+919876540001", true),
            ("+12345678", true),
            ("+1234567", false),
            ("+1234567890123456", false),
            ("919876540001", false),
            ("+0919876540001", false),
            ("+91 9876540001", false),
            ("+", false),
        ] {
            assert_eq!(is_e164(text), fits, "{text}");
        }
    }
}
