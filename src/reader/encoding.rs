//! Which encoding the bytes are in, and what to say when they are not.

use std::fmt;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Where UTF-16 is told from the zeros: the header is Western text, whatever follows.
const START: usize = 4096;

/// What bytes may be that are not text in the encoding they were read in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspicion {
    /// UTF-16 without a mark at its start, named by its label.
    Utf16(&'static str),
    /// UTF-32, which nobody writes on purpose.
    Utf32,
    /// UTF-8, and another encoding is stated.
    Utf8,
    /// A Western single-byte encoding, in which the byte is this letter.
    Western(u8),
    /// An encoding of another script.
    Foreign,
    /// UTF-8 before, something else now.
    Mixed,
    /// The end of the file in the middle of a character.
    Cut,
    /// A stated encoding that does not fit.
    Misstated,
    /// A results file of ours that another program saved in an encoding of its own.
    ResavedResults,
}

impl fmt::Display for Suspicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Suspicion::Utf16(label) => {
                write!(
                    f,
                    "it looks like UTF-16 without a byte order mark; state it with --encoding {label}"
                )
            }
            Suspicion::Utf8 => write!(
                f,
                "it is UTF-8, and its letters would change; leave --encoding away (it may stand in leadfix.toml)"
            ),
            Suspicion::Utf32 => write!(f, "it looks like UTF-32; save it as UTF-8"),
            Suspicion::Western(byte) => {
                let (letter, _) =
                    WINDOWS_1252.decode_without_bom_handling(std::slice::from_ref(byte));
                write!(
                    f,
                    "the byte 0x{byte:02X} is `{letter}` in Windows-1252; if that is right here, state --encoding \
                     windows-1252, or save the file as UTF-8"
                )
            }
            Suspicion::Foreign => write!(
                f,
                "it looks like an encoding of another script; state the one it was exported in with --encoding \
                 (windows-1251, shift_jis, gbk, …), or save the file as UTF-8"
            ),
            Suspicion::Mixed => write!(
                f,
                "the text before is UTF-8 and this is not, as when files of two encodings are joined; save the file \
                 as UTF-8"
            ),
            Suspicion::Cut => {
                write!(
                    f,
                    "the file ends in the middle of a character; copy or export it again in full"
                )
            }
            Suspicion::Misstated => write!(
                f,
                "these bytes are not text in it; is it the right --encoding?"
            ),
            Suspicion::ResavedResults => write!(
                f,
                "a results file is read as UTF-8, whatever --encoding says of its input; save it as `CSV UTF-8`"
            ),
        }
    }
}

/// The encoding of a file that begins with `head`. A mark at its start outranks what is stated.
pub(super) fn recognise(
    head: &[u8],
    stated: Option<&'static Encoding>,
) -> Result<&'static Encoding, Suspicion> {
    if head.starts_with(b"\xFF\xFE\0\0") || head.starts_with(b"\0\0\xFE\xFF") {
        return Err(Suspicion::Utf32);
    }
    match (Encoding::for_bom(head), stated) {
        (None, Some(encoding))
            if ![UTF_8, UTF_16LE, UTF_16BE].contains(&encoding) && is_utf8(head) =>
        {
            Err(Suspicion::Utf8)
        }
        (Some((encoding, _)), _) | (None, Some(encoding)) => Ok(encoding),
        (None, None) => unmarked_utf16(head.get(..START).unwrap_or(head))
            .map_or(Ok(UTF_8), |label| Err(Suspicion::Utf16(label))),
    }
}

/// Whether it is UTF-8 and more than ASCII. Text in another encoding that looks like it by chance is rare.
fn is_utf8(head: &[u8]) -> bool {
    let whole = match std::str::from_utf8(head) {
        Err(error) if error.error_len().is_some() => 0,
        Err(error) => error.valid_up_to(),
        Ok(text) => text.len(),
    };
    !head[..whole].is_ascii()
}

/// The label of the UTF-16 that `head` seems to be: Western text has a zero in every other byte.
fn unmarked_utf16(head: &[u8]) -> Option<&'static str> {
    let zeros = |parity| {
        head.iter()
            .skip(parity)
            .step_by(2)
            .filter(|&&byte| byte == 0)
            .count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    let many = head.len() / 4;
    (head.len() >= 4).then_some(())?;
    match () {
        () if odd > many && even * 8 < odd => Some(UTF_16LE.name()),
        () if even > many && odd * 8 < even => Some(UTF_16BE.name()),
        () => None,
    }
}

/// What `rest` may be: the bytes from the first that is not text in `encoding` on. `before`: the text before it.
pub(super) fn suspect(
    encoding: &'static Encoding,
    before: &str,
    rest: &[u8],
    last: bool,
) -> Suspicion {
    let cut = last && rest.len() < 4;
    if encoding != UTF_8 {
        return if cut {
            Suspicion::Cut
        } else {
            Suspicion::Misstated
        };
    }
    if cut && std::str::from_utf8(rest).is_err_and(|error| error.error_len().is_none()) {
        return Suspicion::Cut;
    }
    if !before.is_ascii() {
        return Suspicion::Mixed;
    }
    // Western text has its accented letters one by one among ASCII; other scripts have them in runs.
    let high = rest.iter().filter(|byte| !byte.is_ascii()).count();
    let runs = rest
        .chunk_by(|a, b| a.is_ascii() == b.is_ascii())
        .filter(|run| !run[0].is_ascii())
        .count();
    match rest.first() {
        Some(&byte) if high < runs * 2 => Suspicion::Western(byte),
        _ => Suspicion::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::{GBK, SHIFT_JIS};

    type Told = Result<&'static Encoding, Suspicion>;

    #[test]
    fn the_encoding_is_told_from_the_first_bytes() {
        let utf16 = |text: &str| {
            text.encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect::<Vec<_>>()
        };
        let cases: [(&[u8], Option<&'static Encoding>, Told); 17] = [
            (b"id,phone", None, Ok(UTF_8)),
            (b"\xEF\xBB\xBFid,phone", None, Ok(UTF_8)),
            (b"\xEF\xBB\xBFid,phone", Some(WINDOWS_1252), Ok(UTF_8)),
            (b"\xFF\xFEi\0d\0", None, Ok(UTF_16LE)),
            (b"\xFE\xFF\0i\0d", Some(UTF_16LE), Ok(UTF_16BE)),
            (b"id", Some(WINDOWS_1252), Ok(WINDOWS_1252)),
            (
                "name\nRené".as_bytes(),
                Some(WINDOWS_1252),
                Err(Suspicion::Utf8),
            ),
            (
                &"name\nRené".as_bytes()[..9],
                Some(WINDOWS_1252),
                Ok(WINDOWS_1252),
            ),
            (
                "name\nRené Renée".as_bytes()[..16].as_ref(),
                Some(WINDOWS_1252),
                Err(Suspicion::Utf8),
            ),
            (b"Ren\xE9 \xC3\xA9", Some(WINDOWS_1252), Ok(WINDOWS_1252)),
            ("日本".as_bytes(), Some(SHIFT_JIS), Err(Suspicion::Utf8)),
            ("René".as_bytes(), Some(GBK), Err(Suspicion::Utf8)),
            (b"\x93\xFA\x96\x7B", Some(SHIFT_JIS), Ok(SHIFT_JIS)),
            ("René".as_bytes(), Some(UTF_8), Ok(UTF_8)),
            ("René".as_bytes(), Some(UTF_16LE), Ok(UTF_16LE)),
            (b"\xFF\xFE\0\0i\0\0\0", None, Err(Suspicion::Utf32)),
            (
                &utf16("lead_id,phone_number\n"),
                None,
                Err(Suspicion::Utf16("UTF-16LE")),
            ),
        ];
        for (head, stated, expected) in cases {
            assert_eq!(recognise(head, stated), expected, "{head:?} {stated:?}");
        }
    }

    #[test]
    fn what_is_not_text_is_guessed_for_people() {
        let cases: [(&str, &[u8], bool, Suspicion); 5] = [
            (
                "name\n",
                b"\xE9 and so on, Ren\xE9",
                true,
                Suspicion::Western(0xE9),
            ),
            (
                "name\n",
                b"\xCF\xF0\xE8\xE2\xE5\xF2, \xEC\xE8\xF0",
                false,
                Suspicion::Foreign,
            ),
            ("René\n", b"\xE9, and more", false, Suspicion::Mixed),
            ("name\n", b"\xE0\xA4", true, Suspicion::Cut),
            ("name\n", b"\xE9\n", true, Suspicion::Western(0xE9)),
        ];
        for (before, rest, last, expected) in cases {
            assert_eq!(suspect(UTF_8, before, rest, last), expected, "{rest:?}");
        }
        assert!(Suspicion::Western(0xE9).to_string().contains("`é`"));
    }
}
