//! Data compressed in every format that is unpacked.
#![allow(dead_code)] // no test file uses all of it

use std::io::Write;

pub fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(data).expect("compressed");
    encoder.finish().expect("compressed")
}

pub fn zstd(data: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).expect("an encoder");
    encoder.include_checksum(true).expect("an option");
    encoder.write_all(data).expect("compressed");
    encoder.finish().expect("compressed")
}

pub fn lz4(data: &[u8]) -> Vec<u8> {
    let mut encoder = {
        let info = lz4_flex::frame::FrameInfo::new().content_checksum(true);
        lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new())
    };
    encoder.write_all(data).expect("compressed");
    encoder.finish().expect("compressed")
}

pub fn xz(data: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(1);
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).expect("an encoder");
    encoder.write_all(data).expect("compressed");
    encoder.finish().expect("compressed")
}

pub fn bzip2(data: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(data).expect("compressed");
    encoder.finish().expect("compressed")
}

pub type Compress = fn(&[u8]) -> Vec<u8>;
pub const ALL: [(&str, Compress); 5] = [
    ("gzip", gzip),
    ("zstd", zstd),
    ("lz4", lz4),
    ("xz", xz),
    ("bzip2", bzip2),
];
