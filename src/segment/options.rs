//! TCP options (RFC 9293 section 3.1), read from the raw bytes as far as they were captured.

use crate::segment::Options;
use crate::seq::Seq;

/// Option kinds of the IANA registry that matter for a connection's state.
mod kind {
    pub const END: u8 = 0;
    pub const NO_OPERATION: u8 = 1;
    pub const MSS: u8 = 2;
    pub const WINDOW_SCALE: u8 = 3;
    pub const SACK_PERMITTED: u8 = 4;
    pub const SACK: u8 = 5;
    pub const TIMESTAMPS: u8 = 8;
    pub const FAST_OPEN: u8 = 34;
    pub const EXPERIMENT: u8 = 254;
}

/// The experiment identifier of Fast Open before it had a kind of its own (RFC 7413, appendix A).
const FAST_OPEN_EXPERIMENT: [u8; 2] = [0xf9, 0x89];

/// Reads the option list into the place where it is to stand.
///
/// `captured` is what the capture holds of it, `declared` its length in octets by the data offset. An option that is
/// cut off by the capture is ignored; one that runs past the header, or whose length is 0 or 1, ends the walk and marks
/// the list as malformed. A known option with a length that its RFC does not allow is ignored, as receivers do; of a
/// repeated option the last one counts.
#[inline]
pub(super) fn read_into(captured: &[u8], declared: usize, options: &mut Options) {
    *options = Options::default();
    if !read_usual(captured, declared, options) {
        read_each(captured, declared, options);
    }
}

/// Reads the lists that most segments and SYNs carry, as a whole. False if it is another one.
///
/// Kind and length of each option as numbers, so that a list is seen at a glance: MSS is 2 and 4, window scale 3 and 3,
/// SACK-permitted 4 and 2, timestamps 8 and 10; 1 is a no-operation.
#[inline]
fn read_usual(captured: &[u8], declared: usize, options: &mut Options) -> bool {
    let (syn, timestamps) = match declared {
        4 => match captured.first_chunk::<4>() {
            // The simplest of those that open.
            Some(&[2, 4, m0, m1]) => {
                options.mss = Some(u16::from_be_bytes([m0, m1]));
                return true;
            }
            _ => return false,
        },
        12 => match captured.first_chunk::<12>() {
            // RFC 7323 appendix A.
            Some(&[1, 1, 8, 10, v0, v1, v2, v3, e0, e1, e2, e3]) => {
                (None, Some(([v0, v1, v2, v3], [e0, e1, e2, e3])))
            }
            // Linux, then Windows.
            Some(
                &([2, 4, m0, m1, 1, 1, 4, 2, 1, 3, 3, shift] | [2, 4, m0, m1, 1, 3, 3, shift, 1, 1, 4, 2]),
            ) => (Some(([m0, m1], shift)), None),
            _ => return false,
        },
        20 => match captured.first_chunk::<20>() {
            // Linux.
            #[rustfmt::skip]
            Some(&[2, 4, m0, m1, 4, 2, 8, 10, v0, v1, v2, v3, e0, e1, e2, e3, 1, 3, 3, shift]) => {
                (Some(([m0, m1], shift)), Some(([v0, v1, v2, v3], [e0, e1, e2, e3])))
            },
            _ => return false,
        },
        24 => match captured.first_chunk::<24>() {
            // macOS.
            #[rustfmt::skip]
            Some(&[2, 4, m0, m1, 1, 3, 3, shift, 1, 1, 8, 10, v0, v1, v2, v3, e0, e1, e2, e3, 4, 2, 0, 0]) => {
                (Some(([m0, m1], shift)), Some(([v0, v1, v2, v3], [e0, e1, e2, e3])))
            },
            _ => return false,
        },
        _ => return false,
    };
    if let Some((mss, shift)) = syn {
        options.mss = Some(u16::from_be_bytes(mss));
        options.window_scale = Some(shift);
        options.sack_permitted = true;
    }
    options.timestamps =
        timestamps.map(|(value, echo)| (u32::from_be_bytes(value), u32::from_be_bytes(echo)));
    true
}

#[inline(never)]
fn read_each(captured: &[u8], declared: usize, options: &mut Options) {
    let mut rest = captured.get(..declared).unwrap_or(captured);
    let mut left = declared; // octets of the header from the start of `rest`
    while let Some((&kind, after_kind)) = rest.split_first() {
        if kind == kind::END {
            break;
        }
        if kind == kind::NO_OPERATION {
            (rest, left) = (after_kind, left.saturating_sub(1));
            continue;
        }
        let length = match after_kind.first() {
            Some(&length) => usize::from(length),
            None => {
                options.malformed |= left < 2; // otherwise the capture ends here, not the header
                break;
            }
        };
        if length < 2 || length > left {
            options.malformed = true;
            break;
        }
        let Some((option, following)) = rest.split_at_checked(length) else {
            break; // cut by the snap length
        };
        note(options, kind, option.get(2..).unwrap_or_default());
        (rest, left) = (following, left.saturating_sub(length));
    }
}

/// Takes one complete option over; `value` is what follows kind and length.
fn note(options: &mut Options, kind: u8, value: &[u8]) {
    match (kind, value) {
        (kind::MSS, &[high, low]) => options.mss = Some(u16::from_be_bytes([high, low])),
        (kind::WINDOW_SCALE, &[shift]) => options.window_scale = Some(shift),
        (kind::SACK_PERMITTED, []) => options.sack_permitted = true,
        (kind::SACK, blocks) if blocks.len().is_multiple_of(8) => {
            options.sack = [None; 4];
            for (slot, block) in options.sack.iter_mut().zip(blocks.chunks_exact(8)) {
                *slot = number(block, 0)
                    .zip(number(block, 4))
                    .map(|(left, right)| (Seq(left), Seq(right)));
            }
        }
        (kind::TIMESTAMPS, value) if value.len() == 8 => {
            options.timestamps = number(value, 0).zip(number(value, 4));
        }
        (kind::FAST_OPEN, cookie) => options.fast_open = u8::try_from(cookie.len()).ok(),
        (kind::EXPERIMENT, value) => {
            if let Some(cookie) = value.strip_prefix(&FAST_OPEN_EXPERIMENT) {
                options.fast_open = u8::try_from(cookie.len()).ok();
            }
        }
        (_, _) => {}
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|bytes| u32::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(captured: &[u8], declared: usize) -> Options {
        let mut options = Options::default();
        read_into(captured, declared, &mut options);
        options
    }

    fn whole(list: &[u8]) -> Options {
        read(list, list.len())
    }

    #[test]
    fn the_options_of_a_linux_syn() {
        let list = [
            2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9, 1, 3, 3, 7, 34, 2, 1,
            1, // request for a cookie
        ];
        let options = whole(&list);
        assert_eq!(options.mss, Some(1460));
        assert!(options.sack_permitted && !options.malformed);
        assert_eq!(options.timestamps, Some((7, 9)));
        assert_eq!(options.window_scale, Some(7));
        assert_eq!(options.fast_open, Some(0));
    }

    #[test]
    fn sack_blocks() {
        let list = [1, 1, 5, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 6];
        let options = whole(&list);
        assert_eq!(
            options.sack,
            [Some((Seq(1), Seq(2))), Some((Seq(5), Seq(6))), None, None]
        );
        assert_eq!(whole(&[5, 2, 0, 0]), Options::default(), "no blocks at all");
        assert_eq!(
            whole(&[5, 6, 0, 0, 0, 0, 0, 0]),
            Options::default(),
            "half a block"
        );
    }

    #[test]
    fn fast_open_in_both_forms() {
        assert_eq!(whole(&[34, 6, 1, 2, 3, 4]).fast_open, Some(4));
        assert_eq!(whole(&[254, 8, 0xf9, 0x89, 1, 2, 3, 4]).fast_open, Some(4));
        assert_eq!(whole(&[254, 4, 0xf9, 0x89]).fast_open, Some(0));
        assert_eq!(whole(&[254, 4, 0xe2, 0xd4]).fast_open, None, "another experiment");
    }

    #[test]
    fn unknown_kinds_and_wrong_lengths_are_passed_over() {
        assert_eq!(whole(&[99, 3, 0, 3, 3, 4]).window_scale, Some(4));
        assert_eq!(
            whole(&[2, 3, 0, 3, 3, 4]),
            Options {
                window_scale: Some(4),
                ..Options::default()
            }
        );
    }

    #[test]
    fn malformed_is_not_cut() {
        assert!(whole(&[3, 0, 0, 0]).malformed, "length 0");
        assert!(whole(&[3, 1, 0, 0]).malformed, "length 1");
        assert!(whole(&[8, 10, 0, 0]).malformed, "runs past the header");
        assert!(whole(&[1, 1, 1, 3]).malformed, "a kind without a length");
        assert!(!read(&[8, 10, 0, 0], 12).malformed, "cut by the capture");
        assert!(!read(&[1, 1, 1, 8], 16).malformed, "cut by the capture");
        assert!(!whole(&[0, 8, 0, 0]).malformed, "what follows the end is padding");
        assert_eq!(
            read(&[2, 4, 5, 0xb4, 8, 10], 16).mss,
            Some(1460),
            "what was captured before the cut"
        );
    }

    proptest! {
        /// As a whole or option by option: it is the same list.
        #[test]
        fn usual_lists_are_read_alike(
            which in 0usize..6, numbers: [u8; 11], damage in prop::option::of((any::<prop::sample::Index>(), 0u8..12)),
            missing in prop_oneof![4 => Just(0usize), 1 => 0usize..8], more in prop_oneof![4 => Just(0usize), 1 => 0usize..3],
        ) {
            let [m0, m1, shift, v0, v1, v2, v3, e0, e1, e2, e3] = numbers;
            let mut list = match which {
                0 => vec![1, 1, 8, 10, v0, v1, v2, v3, e0, e1, e2, e3],
                1 => vec![2, 4, m0, m1, 1, 1, 4, 2, 1, 3, 3, shift],
                2 => vec![2, 4, m0, m1, 1, 3, 3, shift, 1, 1, 4, 2],
                3 => vec![2, 4, m0, m1],
                4 => vec![2, 4, m0, m1, 1, 3, 3, shift, 1, 1, 8, 10, v0, v1, v2, v3, e0, e1, e2, e3, 4, 2, 0, 0],
                _ => vec![2, 4, m0, m1, 4, 2, 8, 10, v0, v1, v2, v3, e0, e1, e2, e3, 1, 3, 3, shift],
            };
            let sound = list.clone();
            if let Some((at, value)) = damage {
                let at = at.index(list.len());
                list[at] = value;
            }
            let declared = list.len() + 4 * more;
            let captured = &list[..list.len().saturating_sub(missing)];
            let (mut whole, mut each) = (Options::default(), Options::default());
            let usual = read_usual(captured, declared, &mut whole);
            read_each(captured, declared, &mut each);
            prop_assert!(usual || whole == Options::default());
            prop_assert!(usual || missing > 0 || more > 0 || list != sound, "one of those that most carry");
            prop_assert_eq!(read(captured, declared), each);
            if usual {
                prop_assert_eq!(whole, each);
            }
        }

        #[test]
        fn any_bytes_are_read(list: Vec<u8>, declared in 0usize..64) {
            let options = read(&list, declared);
            prop_assert_eq!(read(&list, declared), options);
        }
    }
}
