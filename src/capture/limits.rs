//! What one capture may cost at most, whatever its octets say.

/// Bounds on memory and work. The defaults are far beyond honest captures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest record that is believed, octets: 16 MiB. libpcap starts from the same bound.
    pub largest_record: u32,
    /// Octets that a compressed capture may unpack to: 1 TiB.
    pub decompressed: u64,
    /// How many octets one compressed octet may become, after the first 64 MiB: 4096 where a record took less than two
    /// compressed octets, sixteen times that otherwise. An honest record costs more than two, because its time stamp and
    /// checksums cannot be foretold, while large packets full of zeros do compress beyond 4096:1.
    pub ratio: u64,
    /// Memory that a decoder may take for its window or dictionary, octets: 128 MiB, what `zstd` and `xz` themselves
    /// ask for without special options.
    pub decoder_memory: u32,
    /// Octets behind a damaged place that are searched for the next sound record: 1 MiB.
    pub search: u32,
    /// Zeros at the end of a pcapng file that pass for padding, octets: 64 MiB. More are damage.
    pub padding: u64,
    /// Damaged places in one capture behind which reading goes on: 10,000.
    pub damages: u64,
    /// Interfaces of one pcapng section that packets may refer to: 65,536.
    pub interfaces: u32,
    /// Sections, and interfaces over all sections, whose facts are kept: 1,024 each. Those beyond are counted.
    pub described: u32,
    /// Host names kept: 65,536.
    pub names: u32,
    /// Comments kept: 1,000.
    pub comments: u32,
    /// Processes kept: 4,096.
    pub processes: u32,
    /// Octets of text kept over all names, comments and descriptions: 16 MiB.
    pub text: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            largest_record: 16 << 20,
            decompressed: 1 << 40,
            ratio: 4_096,
            decoder_memory: 128 << 20,
            search: 1 << 20,
            padding: 64 << 20,
            damages: 10_000,
            interfaces: 1 << 16,
            described: 1_024,
            names: 1 << 16,
            comments: 1_000,
            processes: 4_096,
            text: 16 << 20,
        }
    }
}

/// Octets that any compressed capture may unpack to before its ratio is looked at.
pub(super) const BEFORE_RATIO: u64 = 64 << 20;

/// Whether `unpacked` octets out of `packed` ones in `records` records are more than an honest capture can be; if so,
/// the limit in words.
pub(super) fn too_much(limits: &Limits, unpacked: u64, packed: u64, records: u64) -> Option<String> {
    if unpacked > limits.decompressed {
        return Some(format!("the limit of {} decompressed bytes", limits.decompressed));
    }
    let packed = packed.max(1);
    let exceeds = |ratio: u64| unpacked > BEFORE_RATIO && unpacked / packed > ratio;
    let high = limits.ratio.saturating_mul(16);
    if exceeds(high) {
        return Some(format!("the limit of {high} bytes out of one compressed byte"));
    }
    (exceeds(limits.ratio) && records > packed / 2).then(|| {
        format!(
            "the limit of {} bytes out of one compressed byte with less than two compressed bytes a record",
            limits.ratio
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bombs_are_told_from_honest_captures() {
        let limits = Limits::default();
        let cases = [
            // unpacked, packed, records, stopped
            (BEFORE_RATIO, 1, 1 << 22, false),
            (100 << 20, 30 << 10, 1, false),
            // zeros in packets of 65,549 octets, eight octets left of each: honest at 8,000:1
            (65_549 * 100_000, 8 * 100_000, 100_000, false),
            // the same record again and again
            (70 * 10_000_000, 70 * 1_000, 10_000_000, true),
            // blocks of zeros, bzip2
            (1 << 30, 1_200, 64, true),
            ((1 << 40) + 1, 1 << 39, 1, true),
        ];
        for (unpacked, packed, records, stopped) in cases {
            assert_eq!(
                too_much(&limits, unpacked, packed, records).is_some(),
                stopped,
                "{unpacked} {packed} {records}"
            );
        }
    }
}
