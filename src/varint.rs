//! Numbers in as few octets as they need: seven bits an octet, the low ones first, and the highest bit says that more follow
//! (LEB128).

/// Appends a number: ten octets at most.
pub(crate) fn put(into: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        into.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    into.push(number.to_le_bytes()[0]);
}

/// Takes the next number; none if the octets end before it does, or if it has more than 64 bits.
pub(crate) fn take(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (octet, rest) = from.split_first()?;
        *from = rest;
        let bits = u64::from(octet & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        number |= bits << shift;
        if octet & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Appends a number of either sign: small ones are short.
pub(crate) fn put_signed(into: &mut Vec<u8>, number: i64) {
    put(into, (number.wrapping_shl(1) ^ (number >> 63)).cast_unsigned());
}

/// Takes the next one of those; none as for [`take`].
pub(crate) fn take_signed(from: &mut &[u8]) -> Option<i64> {
    let number = take(from)?;
    Some((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back(number: u64, signed: i64, bits in 0_u32..64) {
            for (number, signed) in [(number, signed), (number >> bits, signed >> bits)] {
                let mut octets = Vec::new();
                put(&mut octets, number);
                prop_assert_eq!(octets.len(), (64 - number.leading_zeros() as usize).div_ceil(7).max(1));
                put_signed(&mut octets, signed);
                let mut left = octets.as_slice();
                prop_assert_eq!(take(&mut left), Some(number));
                prop_assert_eq!(take_signed(&mut left), Some(signed));
                prop_assert!(left.is_empty());
            }
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        assert_eq!(take(&mut [].as_slice()), None);
        assert_eq!(take(&mut [0x80].as_slice()), None);
        assert_eq!(take(&mut [0x80; 10].as_slice()), None);
        let most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(take(&mut most.as_slice()), Some(u64::MAX));
        let beyond = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2];
        assert_eq!(take(&mut beyond.as_slice()), None);
    }
}
