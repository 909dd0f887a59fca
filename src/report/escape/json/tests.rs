use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Serializer;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use super::super::is_deceptive;
use super::*;

/// serde_json's layout with safe strings: what the writer is held against.
struct Spelled<F>(F);

impl<F: Formatter> Formatter for Spelled<F> {
    /// serde_json has escaped quotes, backslashes and the ASCII control characters but DEL before.
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut before = ' ';
        for character in fragment.chars() {
            let commands = (before, character) == ('#', '#');
            before = character;
            if is_deceptive(character) || commands {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
            } else {
                write!(out, "{character}")?;
            }
        }
        Ok(())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_key(out)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

/// The text as this writer and as serde_json make it, compact and indented.
fn both(value: &impl Serialize) -> [(String, String); 2] {
    let text = |out: Vec<u8>| String::from_utf8(out).expect("UTF-8");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    write(&mut ours, value).expect("a Vec takes everything");
    let mut serializer = Serializer::with_formatter(&mut theirs, Spelled(CompactFormatter));
    value.serialize(&mut serializer).expect("a Vec takes everything");
    let compact = (text(ours), text(theirs));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    write_pretty(&mut ours, value).expect("a Vec takes everything");
    let mut serializer = Serializer::with_formatter(&mut theirs, Spelled(PrettyFormatter::new()));
    value.serialize(&mut serializer).expect("a Vec takes everything");
    [compact, (text(ours), text(theirs))]
}

#[test]
fn a_parser_has_it_back_and_a_screen_is_safe() {
    let texts = [
        "plain",
        "ünï 日本 😀",
        "\u{1b}[31m\u{9b}2J\u{7f} ##[error]",
        "\u{202e}\u{200b}\u{e0001}\u{feff}\"\\",
        "\0\n\u{ffff}",
    ];
    for (text, _) in both(&texts) {
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).expect("JSON"), texts);
        assert!(
            text.contains("ünï 日本 😀") && text.contains("\\udb40\\udc01"),
            "{text}"
        );
        assert!(!text.chars().any(|c| c != '\n' && is_deceptive(c)), "{text:?}");
        assert!(!text.contains("##"), "{text}");
    }
}

/// One of each kind of thing that serde knows.
#[derive(Serialize)]
struct Everything {
    integers: (i8, i16, i32, i64, i128, u8, u16, u32, u64, u128),
    floats: [f64; 4],
    single: f32,
    logical: (bool, bool),
    letters: [char; 4],
    unit: (),
    unit_struct: Unit,
    newtype: Newtype,
    pair: Pair,
    some: Option<u8>,
    none: Option<u8>,
    empty: Vec<u8>,
    nothing: BTreeMap<u8, u8>,
    variants: Vec<Variant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<u8>,
    numbered: BTreeMap<i16, [u8; 0]>,
    answers: BTreeMap<bool, Unit>,
    named: BTreeMap<Word, u8>,
    tagged: [Tagged; 2],
    #[serde(flatten)]
    flat: Tagged,
    address: std::net::IpAddr,
}

#[derive(Serialize)]
struct Unit;

#[derive(Serialize)]
struct Newtype(&'static str);

#[derive(Serialize)]
struct Pair(u8, &'static str);

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
enum Word {
    TwoWords,
}

#[derive(Serialize)]
enum Variant {
    Unit,
    Newtype(Option<u8>),
    Tuple(u8, u8),
    Struct { a: u8, b: Vec<u8> },
    Empty {},
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Tagged {
    AnObject(Inner),
    Fields { x: u8 },
}

#[derive(Serialize)]
struct Inner {
    y: Vec<Vec<u8>>,
}

#[test]
fn all_that_serde_knows_is_laid_out_as_by_serde_json() {
    let value = Everything {
        integers: (
            -1,
            i16::MIN,
            0,
            i64::MIN,
            i128::MIN,
            255,
            10,
            99,
            u64::MAX,
            u128::MAX,
        ),
        floats: [0.1, -1e300, f64::NAN, 3.0],
        single: 0.3,
        logical: (true, false),
        letters: ['a', '"', '\u{202e}', '😀'],
        unit: (),
        unit_struct: Unit,
        newtype: Newtype("#\"##"),
        pair: Pair(1, "\t"),
        some: Some(1),
        none: None,
        empty: vec![],
        nothing: BTreeMap::new(),
        variants: vec![
            Variant::Unit,
            Variant::Newtype(None),
            Variant::Tuple(1, 2),
            Variant::Struct { a: 1, b: vec![2, 3] },
            Variant::Empty {},
        ],
        left_out: None,
        numbered: [(-5, []), (7, [])].into(),
        answers: [(true, Unit), (false, Unit)].into(),
        named: [(Word::TwoWords, 1)].into(),
        tagged: [
            Tagged::AnObject(Inner {
                y: vec![vec![], vec![1]],
            }),
            Tagged::Fields { x: 1 },
        ],
        flat: Tagged::Fields { x: 2 },
        address: [10, 0, 0, 1].into(),
    };
    for (ours, theirs) in both(&value) {
        assert_eq!(ours, theirs);
    }
}

#[test]
fn a_key_that_is_no_text_is_refused() {
    let keyed: BTreeMap<Vec<u8>, u8> = [(vec![1], 2)].into();
    let error = write(&mut Vec::new(), &keyed).expect_err("an array is no key");
    assert!(error.to_string().contains("must be a text"), "{error}");
    let keyed: BTreeMap<Option<u8>, u8> = [(None, 2)].into();
    write(&mut Vec::new(), &keyed).expect_err("null is no key");
}

/// Counts what it is given at once.
struct Pieces(Vec<usize>);

impl Write for Pieces {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.push(octets.len());
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_large_document_goes_out_in_pieces() {
    let values: Vec<[&str; 1]> = vec![["some text"]; 100_000];
    let mut pieces = Pieces(Vec::new());
    write(&mut pieces, &values).expect("it takes everything");
    let total = serde_json::to_vec(&values).expect("JSON").len();
    assert_eq!(pieces.0.iter().sum::<usize>(), total);
    assert!(pieces.0.len() > 10 && pieces.0.iter().all(|length| *length <= BUFFER));
}

#[test]
fn a_text_that_is_longer_than_the_buffer_is_whole() {
    for length in [BUFFER - 3, BUFFER - 2, BUFFER - 1, BUFFER, 3 * BUFFER + 1] {
        for letter in ["x", "ü", "\n"] {
            let text = letter.repeat(length);
            let keyed: BTreeMap<&str, u64> = [(&text[..], 1)].into();
            for (ours, theirs) in both(&(&text, keyed)) {
                assert!(ours == theirs, "{length} times {letter}");
            }
        }
    }
}

#[test]
fn where_the_buffer_ends_does_not_matter() {
    let numbered: Vec<BTreeMap<u64, &str>> = vec![[(12_345, "value"), (u64::MAX, "")].into(); 5_000];
    for padding in 0..80 {
        for (ours, theirs) in both(&("x".repeat(padding), &numbered)) {
            assert!(ours == theirs, "{padding}");
        }
    }
}

#[test]
fn texts_of_every_length_are_whole() {
    let texts: Vec<String> = (0..100)
        .map(|length| "abcdefghij".repeat(10)[..length].to_owned())
        .collect();
    for (ours, theirs) in both(&texts) {
        assert_eq!(ours, theirs);
    }
}

#[test]
fn lines_are_the_same_values() {
    let mut out = Vec::new();
    write_lines(&mut out, [[1, 2], [3, 4]]).expect("a Vec takes everything");
    assert_eq!(out, b"[1,2]\n[3,4]\n");
}

#[test]
fn every_octet_at_every_place_is_seen() {
    for length in 0..40 {
        for place in 0..length {
            for character in ('\0'..='\u{a0}').chain(['\u{7ff}', '\u{202e}', '😀']) {
                let mut text = "~".repeat(length);
                text.replace_range(place..=place, &character.to_string());
                let plain = (' '..='~').contains(&character) && !['"', '\\', '#'].contains(&character);
                assert_eq!(is_plain(&text), plain, "{text:?}");
            }
        }
    }
    assert!(is_plain(""));
}

fn any_text() -> impl Strategy<Value = String> {
    let odd = "[a-c#\"\\\\\u{0}-\u{20}\u{7f}-\u{a0}\u{ad}\u{200b}-\u{202e}\u{feff}\u{fff9}-\u{ffff}\u{e0000}-\u{e007f}é日😀]{0,40}";
    prop_oneof![
        any::<String>(),
        proptest::string::string_regex(odd).expect("a regular expression")
    ]
}

fn any_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any_text().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            prop::collection::vec((any_text(), inner), 0..8)
                .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_is_laid_out_as_by_serde_json(value in any_value()) {
        for (ours, theirs) in both(&value) {
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn any_text_is_spelled_as_before(text in any_text()) {
        for (ours, theirs) in both(&text) {
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn a_plain_text_needs_no_escape(text in any_text()) {
        let quoted = format!("\"{text}\"");
        prop_assert!(!is_plain(&text) || serde_json::to_string(&text).expect("JSON") == quoted);
    }
}
