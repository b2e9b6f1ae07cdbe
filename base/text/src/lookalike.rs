//! One key for texts that people would mistake for each other.
//!
//! `Zoe`, `zoe`, `Ｚｏｅ`, `Z\u{200b}oe` and a `zoe` with a Cyrillic о are five texts for a computer.
//! As accounts they would be five people, each with a cap. Code that accepts a new account compares
//! its [`skeleton`] with the known ones, and asks a person if two are equal. Two people may have
//! names that differ only in this way, so this crate reports a match but does not decide.
//!
//! The key comes from the tables of Unicode's Technical Standard 39 (crate `unicode-security`).
//! They grow, so two versions of this program may give different keys. So keys are only compared
//! with each other, never shown or signed. A program that stores keys, or hashes of them, must
//! store the name of the [`rule`] beside them and compute them again when the rule differs.

use unicode_normalization::UnicodeNormalization as _;

/// Raise it with each change of [`skeleton`] that changes the key of some text.
const NUMBER: u32 = 2;

/// The name of the rule. It differs whenever some text may have another key. It contains the number
/// of the code below and the versions of all tables that the code reads, so that no update of a
/// crate or a compiler is overlooked.
#[must_use]
pub fn rule() -> String {
    format!(
        "{NUMBER} shapes {:?} forms {:?} cases {:?}",
        unicode_security::UNICODE_VERSION,
        unicode_normalization::UNICODE_VERSION,
        char::UNICODE_VERSION
    )
}

/// The key: compatible forms, case, spaces, invisible characters and characters of one shape do not
/// matter.
#[must_use]
pub fn skeleton(text: &str) -> String {
    let folded: String = text.nfkc().flat_map(char::to_lowercase).collect();
    let words: Vec<&str> = folded.split_whitespace().collect();
    let shapes: String = words.join(" ").chars().map(by_its_capital).collect();
    let shapes: String = unicode_security::skeleton(&shapes)
        .flat_map(char::to_lowercase)
        // I, l and 1 have the same shape, and i is the lower-case form of I.
        .map(|c| if c == 'i' { 'l' } else { c })
        .collect();
    shapes.nfc().collect()
}

/// If the capital of a letter looks like a Latin capital, as Cyrillic en does, this is the small
/// form of that Latin letter. Case does not matter to the key, so it is enough if one case looks
/// alike.
fn by_its_capital(letter: char) -> char {
    if letter.is_ascii() {
        return letter;
    }
    let mut buffer = [0; 4];
    let mut upper = letter.to_uppercase();
    let (Some(capital), None) = (upper.next(), upper.next()) else {
        return letter;
    };
    if unicode_security::skeleton(letter.encode_utf8(&mut buffer)).all(|c| c.is_ascii()) {
        return letter;
    }
    let mut shape = unicode_security::skeleton(capital.encode_utf8(&mut buffer));
    match (shape.next(), shape.next()) {
        (Some(latin), None) if latin.is_ascii_alphabetic() => latin.to_ascii_lowercase(),
        _ => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_would_mix_up_has_one_key() {
        for (one, other) in [
            ("zoe", "Zoe"),
            ("zoe", "Ｚｏｅ"),
            ("zoe", "z\u{200b}oe"),
            ("zoe", "zо\u{435}"),
            // In capitals, as codes are: Cyrillic en, ve and ka.
            ("HB-1", "\u{41d}\u{412}-1"),
            ("K1", "\u{41a}1"),
            ("HB-1", "\u{43d}\u{432}-1"),
            ("Zoé", "Zoe\u{301}"),
            ("user1", "userl"),
            ("user1", "userI"),
            ("user1", "USER1"),
            ("u 77", "u\u{a0}77"),
            ("u 77", " u  77 "),
            ("O77", "077"),
            ("ﬁt", "fit"),
            ("straße-1", "STRAßE-1"),
            ("karte２", "karte2"),
        ] {
            assert_eq!(skeleton(one), skeleton(other), "{one} and {other}");
        }
    }

    /// Keys are stored as hashes. A change that alters one of these keys makes stored ones
    /// outdated: raise [`NUMBER`], and write the new keys here.
    #[test]
    fn the_rule_has_a_name() {
        assert_eq!(NUMBER, 2);
        for (text, key) in [
            ("Zoe", "zoe"),
            ("\u{ff3a}\u{43e}\u{435}", "zoe"),
            // m looks like rn, and i like l.
            ("Tim", "tlrn"),
            ("rider-000", "rlder-ooo"),
            ("USER1", "userl"),
            ("\u{41d}\u{412}-1", "hb-l"),
            ("ZOE\u{301}", "zo\u{e9}"),
            ("  card \u{a0}17\t", "card l7"),
            ("STRA\u{df}E", "stra\u{df}e"),
            ("", ""),
        ] {
            assert_eq!(skeleton(text), key, "{text}");
        }
        let rule = rule();
        assert!(
            rule.starts_with("2 shapes (") && rule.contains(" cases ("),
            "{rule}"
        );
    }

    #[test]
    fn what_nobody_would_mix_up_has_two() {
        for (one, other) in [
            ("568", "569"),
            ("zoe", "zoé"),
            ("王伟", "王薇"),
            ("a-b", "ab"),
            ("bike 1", "bike 2"),
            ("", "x"),
        ] {
            assert_ne!(skeleton(one), skeleton(other), "{one} and {other}");
        }
    }
}
