//! Octets as text that the script unpacks: DEFLATE (RFC 1951) in base 64 (RFC 4648 section 4).

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// Packs them.
pub(super) fn packed(octets: &[u8]) -> String {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    // A Vec takes everything.
    let _ = encoder.write_all(octets);
    base64(&encoder.finish().unwrap_or_default())
}

/// Base 64 with padding.
pub(super) fn base64(octets: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(octets.len().div_ceil(3) * 4);
    for three in octets.chunks(3) {
        let bits = three
            .iter()
            .fold(0_u32, |bits, octet| bits << 8 | u32::from(*octet));
        let bits = bits << (8 * (3 - three.len()));
        for place in 0..4 {
            let digit = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap_or(0);
            text.push(match place > three.len() {
                true => '=',
                false => char::from(DIGITS[digit]),
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn base_64_is_that_of_the_rfc() {
        for (octets, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(octets.as_bytes()), text);
        }
    }

    #[test]
    fn much_of_the_same_takes_little() {
        let octets: Vec<u8> = [1, 0].repeat(500_000);
        let text = packed(&octets);
        assert!(text.len() < 6_000, "{}", text.len());
        let mut read = Vec::new();
        let deflated: Vec<u8> = text
            .trim_end_matches('=')
            .as_bytes()
            .chunks(4)
            .flat_map(|four| {
                let digit = |letter: u8| {
                    let places = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
                    places.iter().position(|one| *one == letter).expect("a digit") as u32
                };
                let bits =
                    four.iter().fold(0, |bits, letter| bits << 6 | digit(*letter)) << (6 * (4 - four.len()));
                bits.to_be_bytes()[1..four.len()].to_vec()
            })
            .collect();
        flate2::read::DeflateDecoder::new(deflated.as_slice())
            .read_to_end(&mut read)
            .expect("it unpacks");
        assert_eq!(read, octets);
    }
}
