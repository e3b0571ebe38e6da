//! Generates passwords that a person types once.

use zeroize::Zeroizing;

use super::secret::Secret;

/// The sets that IAM password policies can require, without letters and digits that look alike.
const SETS: [&[u8]; 4] =
    [b"ABCDEFGHJKLMNPQRSTUVWXYZ", b"abcdefghijkmnopqrstuvwxyz", b"23456789", b"!@#%^*_+-="];

/// About 110 bits, and longer than policies require in practice.
const LENGTH: usize = 20;

/// A 20-character password with at least one upper-case letter, one lower-case letter, one digit and one symbol, from
/// random bytes that `fill` provides.
pub fn generate<E>(mut fill: impl FnMut(&mut [u8]) -> Result<(), E>) -> Result<Secret<String>, E> {
    let all: Vec<u8> = SETS.concat();
    loop {
        let mut random = Zeroizing::new([0u8; LENGTH * 4]);
        fill(&mut *random)?;
        // Bytes beyond the last whole multiple would make some characters more likely than others.
        let limit = u8::MAX - u8::MAX % u8::try_from(all.len()).unwrap_or(u8::MAX);
        let chosen =
            random.iter().filter(|byte| **byte < limit).map(|byte| all[usize::from(*byte) % all.len()]);
        let password: Zeroizing<Vec<u8>> = Zeroizing::new(chosen.take(LENGTH).collect());
        let has_all = SETS.iter().all(|set| password.iter().any(|byte| set.contains(byte)));
        if has_all && password.len() == LENGTH {
            return Ok(Secret::new(password.iter().map(|byte| char::from(*byte)).collect()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_contain_every_kind_of_character_and_differ() {
        let (one, other) = (generate(getrandom::fill).unwrap(), generate(getrandom::fill).unwrap());
        assert_eq!(one.expose().len(), LENGTH);
        assert!(SETS.iter().all(|set| one.expose().bytes().any(|byte| set.contains(&byte))));
        assert_ne!(one.expose(), other.expose());
    }
}
