//! Reads a secret key as people paste it: in groups, in lowercase, with padding, or inside a sentence. The words `SECRET
//! KEY` are Base32 too, so a text is either clear or rejected; nothing is guessed.

use zeroize::Zeroizing;

use super::seed_error::SeedError;

/// The length of every secret key that AWS shows (40 bytes).
const AWS_LENGTH: usize = 64;
/// RFC 4226's minimum.
const MIN_BITS: usize = 128;
/// Words that appear next to secret keys and could be mistaken for a group of letters.
const LABELS: [&str; 8] = ["AWS", "BASE32", "CODE", "KEY", "MFA", "SECRET", "SEED", "TOTP"];

/// A secret key's Base32 letters in uppercase. The text is wiped and never outgrows its first allocation.
pub(super) fn letters(text: &str) -> Result<Zeroizing<String>, SeedError> {
    let text = text.trim_matches(is_blank);
    if text.is_empty() {
        return Err(SeedError::Missing);
    }
    if is_code(text) {
        return Err(SeedError::Code);
    }
    let letters = match keys_of_aws_length(text).as_slice() {
        [] => grouped(text)?,
        [key, others @ ..] if others.iter().all(|other| other.eq_ignore_ascii_case(key)) => upper_case(key),
        _ => return Err(SeedError::NotAlone),
    };
    check_length(&letters).map(|()| letters)
}

/// Six digits, as authenticator apps show them.
fn is_code(text: &str) -> bool {
    let mut digits = text.chars().filter(|c| !is_blank(*c));
    digits.clone().count() == 6 && digits.all(|c| c.is_ascii_digit())
}

/// The runs of letters and digits as long as AWS's keys, regardless of what surrounds them.
fn keys_of_aws_length(text: &str) -> Vec<&str> {
    let runs = text.split(|c: char| !c.is_ascii_alphanumeric());
    runs.filter(|run| run.len() == AWS_LENGTH && run.chars().all(is_base32)).collect()
}

/// A secret key of any length without other words, possibly in groups of equal size.
fn grouped(text: &str) -> Result<Zeroizing<String>, SeedError> {
    let text = text.trim_end_matches(|c| is_blank(c) || c == '=');
    let groups = || text.split(|c| is_blank(c) || c == '-').filter(|group| !group.is_empty());
    if !groups().flat_map(str::chars).all(is_base32) {
        return Err(SeedError::NotBase32);
    }
    let letters = upper_case(text);
    let (size, count) = (groups().next().map_or(0, str::len), groups().count());
    // A label counts even if the total is as long as AWS's keys: a truncated key may lack as many letters as the label has. Between
    // groups of its own length, a word is a group.
    let labeled = groups().enumerate().any(|(i, group)| {
        let is_inner = 0 < i && i + 1 < count && group.len() == size;
        !is_inner && LABELS.iter().any(|label| group.eq_ignore_ascii_case(label))
    });
    if count > 1 && labeled {
        return Err(SeedError::NotAlone);
    }
    if letters.len() == AWS_LENGTH {
        return Ok(letters);
    }
    let uneven =
        groups().enumerate().any(|(i, group)| group.len() != size && (i + 1 < count || group.len() > size));
    // A secret access key has both uppercase and lowercase letters.
    let mixed =
        text.contains(|c: char| c.is_ascii_lowercase()) && text.contains(|c: char| c.is_ascii_uppercase());
    match uneven || mixed {
        true => Err(SeedError::NotAlone),
        false => Ok(letters),
    }
}

/// Base32 encodes five bytes as eight characters. Some lengths encode no whole number of bytes, and leftover bits must be
/// zero.
fn check_length(letters: &str) -> Result<(), SeedError> {
    let bits = letters.len() * 5;
    if bits / 8 * 8 < MIN_BITS {
        return Err(SeedError::TooShort(bits / 8 * 8));
    }
    let left_over = bits % 8;
    let last = letters.bytes().last().map_or(0, value);
    match left_over >= 5 || last.trailing_zeros() < left_over as u32 {
        true => Err(SeedError::Mistyped(letters.len())),
        false => Ok(()),
    }
}

fn value(letter: u8) -> u8 {
    match letter {
        b'A'..=b'Z' => letter - b'A',
        _ => letter.wrapping_sub(b'2').wrapping_add(26),
    }
}

fn upper_case(text: &str) -> Zeroizing<String> {
    let mut letters = Zeroizing::new(String::with_capacity(text.len()));
    text.chars().filter(|c| is_base32(*c)).for_each(|c| letters.push(c.to_ascii_uppercase()));
    letters
}

fn is_base32(c: char) -> bool {
    c.is_ascii_alphabetic() || ('2'..='7').contains(&c)
}

/// Whitespace, and zero-width characters that copying from a web page adds.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::totp::Seed;

    const KEY: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    const AWS_KEY: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

    fn refused(text: &str) -> SeedError {
        letters(text).map(|_| ()).expect_err(text)
    }

    #[test]
    fn keys_are_read_as_people_paste_them() {
        for text in [
            "gezd gnbv gy3t qojq gezd gnbv gy3t qojq",
            "GEZDGNBVGY3TQOJQ-GEZDGNBVGY3TQOJQ====\n",
            "\u{feff}GEZDGNBVGY3TQOJQGEZDGNBV\nGY3TQOJQ",
        ] {
            assert_eq!(letters(text).unwrap().as_str(), KEY, "{text}");
        }
    }

    #[test]
    fn words_around_a_key_of_aws_length_are_ignored() {
        for text in [
            format!("secret={AWS_KEY}"),
            format!("SECRET KEY {AWS_KEY}"),
            format!("Secret key: {}.", AWS_KEY.to_lowercase()),
            format!("{{\"Base32StringSeed\": \"{AWS_KEY}\"}}"),
            format!("{} {}", &AWS_KEY[..10], &AWS_KEY[10..]),
        ] {
            assert_eq!(letters(&text).unwrap().as_str(), AWS_KEY, "{text}");
        }
    }

    #[test]
    fn words_around_another_key_are_rejected() {
        for text in ["SECRET KEY", "MFA SECRET KEY", "key", "CODE", "the key is"] {
            assert_eq!(refused(&format!("{text} {KEY}")), SeedError::NotAlone, "{text}");
        }
        assert_eq!(refused("GEZD GNBV GY3T QOJQ GEZD GNBV GY3TQOJQ"), SeedError::NotAlone);
        assert_eq!(refused("SEED GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"), SeedError::NotAlone);
        assert_eq!(refused(&format!("secret={KEY}")), SeedError::NotBase32);
        assert_eq!(
            refused(&format!("key {}", &AWS_KEY[3..])),
            SeedError::NotAlone,
            "64 letters with the word"
        );
        assert_eq!(refused(&format!("{AWS_KEY} {}", AWS_KEY.replace('J', "K"))), SeedError::NotAlone);
        assert!(letters(&format!("{AWS_KEY}\n{AWS_KEY}")).is_ok());
        assert_eq!(refused("abcdEFGHijklMNOPqrstUVWXyz234567abcdEFGH"), SeedError::NotAlone);
    }

    #[test]
    fn groups_may_spell_a_word() {
        let text = "gezd code gnbv seed gezd gnbv totp qojq";
        assert_eq!(letters(text).unwrap().as_str(), "GEZDCODEGNBVSEEDGEZDGNBVTOTPQOJQ");
        for (front, back) in [("SECRET ", ""), ("", " SECRET")] {
            let cut = &AWS_KEY[..58];
            assert_eq!(refused(&format!("{front}{cut}{back}")), SeedError::NotAlone);
        }
    }

    #[test]
    fn impossible_lengths_are_rejected() {
        for length in [59, 62, 63] {
            assert_eq!(refused(&AWS_KEY[..length]), SeedError::Mistyped(length));
        }
        assert_eq!(refused(&format!("{AWS_KEY}A")), SeedError::Mistyped(65));
        assert_eq!(refused("GEZDGNBV"), SeedError::TooShort(40));
    }

    #[test]
    fn other_input_gets_its_own_message() {
        for text in ["123456", " 123 456\n", "234567"] {
            assert_eq!(refused(text), SeedError::Code, "{text}");
        }
        assert_eq!(refused(" \n"), SeedError::Missing);
        assert_eq!(refused("GEZDGNBVGY3TQOJ1"), SeedError::NotBase32);
    }

    proptest! {
        #[test]
        fn every_key_is_read_back(bytes in prop::collection::vec(any::<u8>(), 16..64)) {
            let key = totp_rs::Secret::from(bytes.clone()).to_base32();
            let seed = Seed::from_base32(&key).unwrap();
            // At its ends, a key may spell a word by chance.
            prop_assume!(!LABELS.iter().any(|label| key.starts_with(label) || key.ends_with(label)));
            let grouped = key.as_bytes().chunks(4).map(|c| std::str::from_utf8(c).unwrap()).collect::<Vec<_>>().join(" ");
            prop_assert_eq!(Seed::from_base32(&grouped.to_lowercase()), Ok(seed));
        }

        #[test]
        fn a_key_of_awss_with_letters_missing_is_never_another_key(
            bytes in prop::collection::vec(any::<u8>(), 40),
            missing in prop::sample::select(vec![1usize, 2, 5]),
        ) {
            let key = totp_rs::Secret::from(bytes).to_base32();
            let cut = &key[..key.len() - missing];
            // Bits that are left over are zero by chance in one of 2, 4, 8 or 16 keys; impossible lengths are always detected.
            if [1, 3, 6].contains(&(cut.len() % 8)) {
                prop_assert_eq!(letters(cut).map(|_| ()), Err(SeedError::Mistyped(cut.len())));
            }
        }
    }
}
