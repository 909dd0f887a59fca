//! JSON that is safe to look at: what a terminal or a log of CI obeys, and what hides or turns text, is written as `\u` escapes. Whoever
//! parses it has the text back as it was.
//!
//! The layout, compact or indented, is that of serde_json, to the last octet. The writer is our own because a connection has
//! some hundred fields: it writes into one buffer, which goes out when it is full, and looks at no name of a field twice.

mod text;

use std::fmt::{self, Display};
use std::io::{self, Write};

use serde::Serialize;
use serde::ser::{self, Error as _};

use text::{is_plain, push_escaped};

/// Octets that are written at once.
const BUFFER: usize = 1 << 16;
/// No number is longer, with quotes.
const SHORT: usize = 64;

/// Writes a value on one line, without a line feed.
///
/// # Errors
///
/// Those of `out`, of the same kind.
pub fn write(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    let mut json = Json::<false>::new(out);
    json.value(value)?;
    json.finish()
}

/// Writes a value indented, without a line feed at the end.
///
/// # Errors
///
/// Those of `out`, of the same kind.
pub fn write_pretty(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    let mut json = Json::<true>::new(out);
    json.value(value)?;
    json.finish()
}

/// Writes each value on a line.
///
/// # Errors
///
/// Those of `out`, of the same kind.
pub fn write_lines<T: Serialize>(out: &mut dyn Write, values: impl IntoIterator<Item = T>) -> io::Result<()> {
    let mut json = Json::<false>::new(out);
    for value in values {
        json.value(&value)?;
        json.push(b"\n").map_err(|failure| failure.0)?;
    }
    json.finish()
}

/// Values on their way to an output, indented or not.
struct Json<'a, const INDENTED: bool> {
    out: &'a mut dyn Write,
    buffer: Box<[u8]>,
    /// Octets of the buffer that wait to go out.
    filled: usize,
    /// How often the buffer went out.
    flushes: u64,
    /// Objects and arrays that are open.
    depth: usize,
}

// Inlined into the code that serde derives, the names of fields and variants are of known length, and a copy of one is a few
// instructions instead of a call.
impl<'a, const INDENTED: bool> Json<'a, INDENTED> {
    fn new(out: &'a mut dyn Write) -> Self {
        Json {
            out,
            buffer: vec![0; BUFFER].into(),
            filled: 0,
            flushes: 0,
            depth: 0,
        }
    }

    fn value(&mut self, value: &impl Serialize) -> io::Result<()> {
        value.serialize(&mut *self).map_err(|failure| failure.0)
    }

    fn finish(mut self) -> io::Result<()> {
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        let waiting = self.buffer.get(..self.filled).unwrap_or_default();
        self.filled = 0;
        self.flushes = self.flushes.wrapping_add(1);
        self.out.write_all(waiting)
    }

    /// Room for so many octets, which are not more than [`BUFFER`].
    #[inline(always)]
    fn room(&mut self, length: usize) -> Result<&mut [u8], Failure> {
        if self.buffer.len().wrapping_sub(self.filled) < length {
            self.make_room()?;
        }
        let start = self.filled;
        self.filled = start.wrapping_add(length);
        match self.buffer.get_mut(start..self.filled) {
            Some(room) => Ok(room),
            None => Err(Failure::custom("a name is longer than the buffer")),
        }
    }

    #[cold]
    fn make_room(&mut self) -> Result<(), Failure> {
        self.flush().map_err(Failure)
    }

    /// Some octets that are known to be few.
    #[inline(always)]
    fn push<const N: usize>(&mut self, text: &[u8; N]) -> Result<(), Failure> {
        self.room(N)?.copy_from_slice(text);
        Ok(())
    }

    /// Any text as it is.
    fn push_all(&mut self, text: &[u8]) -> Result<(), Failure> {
        for part in text.chunks(BUFFER) {
            copy(self.room(part.len())?, part);
        }
        Ok(())
    }

    fn string(&mut self, text: &str) -> Result<(), Failure> {
        if is_plain(text) && text.len() <= BUFFER - 2 {
            if let [before, inside @ .., behind] = self.room(text.len() + 2)? {
                (*before, *behind) = (b'"', b'"');
                copy(inside, text.as_bytes());
            }
            return Ok(());
        }
        let mut escaped = Vec::new();
        push_escaped(&mut escaped, text);
        self.push(b"\"")?;
        self.push_all(&escaped)?;
        self.push(b"\"")
    }

    /// Opens an object or an array.
    #[inline(always)]
    fn open(&mut self, bracket: u8) -> Result<(), Failure> {
        self.depth = self.depth.wrapping_add(1);
        self.push(&[bracket])
    }

    /// Closes what was opened; `empty` if nothing is in it.
    #[inline(always)]
    fn close(&mut self, bracket: u8, empty: bool) -> Result<(), Failure> {
        self.depth = self.depth.wrapping_sub(1);
        if INDENTED && !empty {
            self.indent()?;
        }
        self.push(&[bracket])
    }

    /// What stands before an element or a key.
    #[inline(always)]
    fn separate(&mut self, first: bool) -> Result<(), Failure> {
        if !first {
            self.push(b",")?;
        }
        if INDENTED {
            self.indent()?;
        }
        Ok(())
    }

    fn indent(&mut self) -> Result<(), Failure> {
        self.push(b"\n")?;
        (0..self.depth).try_for_each(|_| self.push(b"  "))
    }

    /// What stands between a key and its value.
    fn colon(&mut self) -> Result<(), Failure> {
        if INDENTED {
            self.push(b": ")
        } else {
            self.push(b":")
        }
    }

    /// The name of a variant: it stands in the program itself, and nothing in it needs an escape.
    #[inline(always)]
    fn name(&mut self, name: &'static str) -> Result<(), Failure> {
        debug_assert!(is_plain(name), "{name} cannot be written as it is");
        if let [before, inside @ .., behind] = self.room(name.len() + 2)? {
            (*before, *behind) = (b'"', b'"');
            copy(inside, name.as_bytes());
        }
        Ok(())
    }

    /// The name of a field, of which the same holds, and what stands before and behind it.
    #[inline(always)]
    fn field_name(&mut self, first: bool, name: &'static str) -> Result<(), Failure> {
        if INDENTED || first {
            self.separate(first)?;
            self.name(name)?;
            return self.colon();
        }
        debug_assert!(is_plain(name), "{name} cannot be written as it is");
        if let [comma, before, inside @ .., behind, colon] = self.room(name.len() + 4)? {
            (*comma, *before, *behind, *colon) = (b',', b'"', b'"', b':');
            copy(inside, name.as_bytes());
        }
        Ok(())
    }

    /// A key of an object; JSON knows only strings, so numbers become some.
    fn key(&mut self, key: &(impl Serialize + ?Sized)) -> Result<(), Failure> {
        // Numbers are short: they do not make the buffer go out in between.
        self.room(SHORT)?;
        self.filled = self.filled.wrapping_sub(SHORT);
        let (start, flushes) = (self.filled, self.flushes);
        key.serialize(&mut *self)?;
        match self.buffer.get(start) {
            _ if self.flushes != flushes => Ok(()), // a long text
            Some(b'"') => Ok(()),
            Some(b'-' | b'0'..=b'9' | b't' | b'f') => {
                self.buffer.copy_within(start..self.filled, start + 1);
                self.filled += 1;
                if let Some(quote) = self.buffer.get_mut(start) {
                    *quote = b'"';
                }
                self.push(b"\"")
            }
            _ => Err(Failure::custom("a key of an object must be a text")),
        }
    }

    /// `{"variant":`, which [`Self::close`] closes.
    fn open_variant(&mut self, variant: &'static str) -> Result<(), Failure> {
        self.open(b'{')?;
        self.field_name(true, variant)
    }

    fn integer(&mut self, value: impl itoa::Integer) -> Result<(), Failure> {
        self.push_all(itoa::Buffer::new().format(value).as_bytes())
    }

    /// What is rare is left to serde_json.
    fn rare(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_vec(value).map_err(|error| Failure(error.into()))?;
        self.push_all(&text)
    }
}

/// Copies a text into room of the same length; most are short.
#[inline(always)]
fn copy(room: &mut [u8], text: &[u8]) {
    if text.len() > 32 {
        room.copy_from_slice(text);
    } else if let (Some(first), Some(last)) = (text.first_chunk::<16>(), text.last_chunk::<16>()) {
        copy_ends(room, first, last);
    } else if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        copy_ends(room, first, last);
    } else if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        copy_ends(room, first, last);
    } else {
        room.iter_mut()
            .zip(text)
            .for_each(|(place, octet)| *place = *octet);
    }
}

/// Both ends of a text, which may overlap.
#[inline(always)]
fn copy_ends<const N: usize>(room: &mut [u8], first: &[u8; N], last: &[u8; N]) {
    if let Some(room) = room.first_chunk_mut::<N>() {
        *room = *first;
    }
    if let Some(room) = room.last_chunk_mut::<N>() {
        *room = *last;
    }
}

/// Why a value is not written.
#[derive(Debug)]
struct Failure(io::Error);

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failure {}

impl ser::Error for Failure {
    fn custom<T: Display>(message: T) -> Failure {
        Failure(io::Error::other(message.to_string()))
    }
}

/// An object or an array that is open.
struct Open<'s, 'a, const INDENTED: bool> {
    json: &'s mut Json<'a, INDENTED>,
    empty: bool,
    bracket: u8,
    /// Inside the object of a variant.
    in_variant: bool,
}

impl<'s, 'a, const INDENTED: bool> Open<'s, 'a, INDENTED> {
    #[inline(always)]
    fn object(json: &'s mut Json<'a, INDENTED>, in_variant: bool) -> Result<Self, Failure> {
        json.open(b'{')?;
        Ok(Open {
            json,
            empty: true,
            bracket: b'}',
            in_variant,
        })
    }

    #[inline(always)]
    fn array(json: &'s mut Json<'a, INDENTED>, in_variant: bool) -> Result<Self, Failure> {
        json.open(b'[')?;
        Ok(Open {
            json,
            empty: true,
            bracket: b']',
            in_variant,
        })
    }

    fn element(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), Failure> {
        self.json.separate(self.empty)?;
        self.empty = false;
        value.serialize(&mut *self.json)
    }

    #[inline(always)]
    fn field(&mut self, name: &'static str, value: &(impl Serialize + ?Sized)) -> Result<(), Failure> {
        self.json.field_name(self.empty, name)?;
        self.empty = false;
        value.serialize(&mut *self.json)
    }

    #[inline(always)]
    fn close(self) -> Result<(), Failure> {
        self.json.close(self.bracket, self.empty)?;
        if self.in_variant {
            self.json.close(b'}', false)?;
        }
        Ok(())
    }
}

impl<'s, 'a, const INDENTED: bool> ser::Serializer for &'s mut Json<'a, INDENTED> {
    type Ok = ();
    type Error = Failure;
    type SerializeSeq = Open<'s, 'a, INDENTED>;
    type SerializeTuple = Open<'s, 'a, INDENTED>;
    type SerializeTupleStruct = Open<'s, 'a, INDENTED>;
    type SerializeTupleVariant = Open<'s, 'a, INDENTED>;
    type SerializeMap = Open<'s, 'a, INDENTED>;
    type SerializeStruct = Open<'s, 'a, INDENTED>;
    type SerializeStructVariant = Open<'s, 'a, INDENTED>;

    #[inline(always)]
    fn serialize_bool(self, value: bool) -> Result<(), Failure> {
        if value {
            self.push(b"true")
        } else {
            self.push(b"false")
        }
    }

    fn serialize_i8(self, value: i8) -> Result<(), Failure> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Failure> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Failure> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Failure> {
        self.integer(value)
    }

    fn serialize_i128(self, value: i128) -> Result<(), Failure> {
        self.integer(value)
    }

    fn serialize_u8(self, value: u8) -> Result<(), Failure> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Failure> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), Failure> {
        self.serialize_u64(value.into())
    }

    #[inline(always)]
    fn serialize_u64(self, value: u64) -> Result<(), Failure> {
        match u8::try_from(value) {
            Ok(digit @ 0..=9) => self.push(&[b'0' | digit]), // most counts are
            _ => self.integer(value),
        }
    }

    fn serialize_u128(self, value: u128) -> Result<(), Failure> {
        self.integer(value)
    }

    fn serialize_f32(self, value: f32) -> Result<(), Failure> {
        self.rare(&value)
    }

    fn serialize_f64(self, value: f64) -> Result<(), Failure> {
        self.rare(&value)
    }

    fn serialize_char(self, value: char) -> Result<(), Failure> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Failure> {
        self.string(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Failure> {
        value.serialize(self)
    }

    #[inline(always)]
    fn serialize_none(self) -> Result<(), Failure> {
        self.serialize_unit()
    }

    #[inline(always)]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Failure> {
        value.serialize(self)
    }

    #[inline(always)]
    fn serialize_unit(self) -> Result<(), Failure> {
        self.push(b"null")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Failure> {
        self.serialize_unit()
    }

    #[inline(always)]
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Failure> {
        self.name(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Failure> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Failure> {
        self.open_variant(variant)?;
        value.serialize(&mut *self)?;
        self.close(b'}', false)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Failure> {
        Open::array(self, false)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Failure> {
        Open::array(self, false)
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Failure> {
        Open::array(self, false)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Failure> {
        self.open_variant(variant)?;
        Open::array(self, true)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Failure> {
        Open::object(self, false)
    }

    #[inline(always)]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, Failure> {
        Open::object(self, false)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Failure> {
        self.open_variant(variant)?;
        Open::object(self, true)
    }
}

impl<const INDENTED: bool> ser::SerializeSeq for Open<'_, '_, INDENTED> {
    type Ok = ();
    type Error = Failure;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        self.element(value)
    }

    fn end(self) -> Result<(), Failure> {
        self.close()
    }
}

impl<const INDENTED: bool> ser::SerializeTuple for Open<'_, '_, INDENTED> {
    type Ok = ();
    type Error = Failure;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        self.element(value)
    }

    fn end(self) -> Result<(), Failure> {
        self.close()
    }
}

impl<const INDENTED: bool> ser::SerializeTupleStruct for Open<'_, '_, INDENTED> {
    type Ok = ();
    type Error = Failure;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        self.element(value)
    }

    fn end(self) -> Result<(), Failure> {
        self.close()
    }
}

impl<const INDENTED: bool> ser::SerializeTupleVariant for Open<'_, '_, INDENTED> {
    type Ok = ();
    type Error = Failure;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        self.element(value)
    }

    fn end(self) -> Result<(), Failure> {
        self.close()
    }
}

impl<const INDENTED: bool> ser::SerializeMap for Open<'_, '_, INDENTED> {
    type Ok = ();
    type Error = Failure;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Failure> {
        self.json.separate(self.empty)?;
        self.empty = false;
        self.json.key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        self.json.colon()?;
        value.serialize(&mut *self.json)
    }

    fn end(self) -> Result<(), Failure> {
        self.close()
    }
}

impl<const INDENTED: bool> ser::SerializeStruct for Open<'_, '_, INDENTED> {
    type Ok = ();
    type Error = Failure;

    #[inline(always)]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Failure> {
        self.field(name, value)
    }

    #[inline(always)]
    fn end(self) -> Result<(), Failure> {
        self.close()
    }
}

impl<const INDENTED: bool> ser::SerializeStructVariant for Open<'_, '_, INDENTED> {
    type Ok = ();
    type Error = Failure;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Failure> {
        self.field(name, value)
    }

    fn end(self) -> Result<(), Failure> {
        self.close()
    }
}

#[cfg(test)]
mod tests;
