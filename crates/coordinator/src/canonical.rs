//! Bytes that another program can make from this description alone. Pure.
//!
//! Numbers are big-endian: 1, 4 or 8 bytes, signed ones in two's complement. A text is its length in bytes as
//! a 32-bit number, then its UTF-8. Ids and hashes are their 32 bytes. Nothing is padded or optional without a
//! byte that says so; what reads refuses whatever it would not have written, so that a value has one encoding.

/// Makes canonical bytes.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// The bytes so far.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// One byte.
    pub fn byte(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    /// A count or length.
    pub fn count(&mut self, value: usize) -> &mut Self {
        let value = u32::try_from(value).expect("nothing accounted for has four billion items");
        self.bytes(&value.to_be_bytes())
    }

    /// An unsigned number.
    pub fn unsigned(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// A signed number.
    pub fn signed(&mut self, value: i64) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// A text with its length before it.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.count(value.len()).bytes(value.as_bytes())
    }

    /// Bytes whose number is known to the reader.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.0.extend_from_slice(value);
        self
    }
}

/// Bytes that are not what a [`Writer`] would have written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not canonical")]
pub struct NotCanonical;

/// Reads canonical bytes.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// From the first of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Refuses bytes that are left over.
    pub fn end(self) -> Result<(), NotCanonical> {
        if self.0.is_empty() { Ok(()) } else { Err(NotCanonical) }
    }

    /// One byte.
    pub fn byte(&mut self) -> Result<u8, NotCanonical> {
        Ok(self.array::<1>()?[0])
    }

    /// A count of items of at least `item_len` bytes each: never more than the bytes that are left could hold.
    pub fn count(&mut self, item_len: usize) -> Result<usize, NotCanonical> {
        let count = usize::try_from(u32::from_be_bytes(self.array()?)).map_err(|_| NotCanonical)?;
        if count > self.0.len() / item_len.max(1) { Err(NotCanonical) } else { Ok(count) }
    }

    /// An unsigned number.
    pub fn unsigned(&mut self) -> Result<u64, NotCanonical> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// A signed number.
    pub fn signed(&mut self) -> Result<i64, NotCanonical> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    /// A text.
    pub fn text(&mut self) -> Result<&'a str, NotCanonical> {
        let len = self.count(1)?;
        let (text, rest) = self.0.split_at_checked(len).ok_or(NotCanonical)?;
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| NotCanonical)
    }

    /// As many bytes as the array has.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], NotCanonical> {
        let (array, rest) = self.0.split_first_chunk().ok_or(NotCanonical)?;
        self.0 = rest;
        Ok(*array)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bytes_are_those_that_the_description_gives() {
        let mut writer = Writer::default();
        writer.byte(1).unsigned(2).signed(-1).text("é").count(0);
        let expected = [&[1][..], &[0, 0, 0, 0, 0, 0, 0, 2], &[255; 8], &[0, 0, 0, 2, 0xc3, 0xa9], &[0; 4]];
        assert_eq!(writer.into_bytes(), expected.concat());
    }

    #[test]
    fn a_count_that_the_bytes_cannot_hold_is_refused() {
        assert_eq!(Reader::new(&[255; 8]).count(1), Err(NotCanonical));
        assert_eq!(Reader::new(&[0, 0, 0, 2, 9, 9, 9]).count(2), Err(NotCanonical));
        assert_eq!(Reader::new(&[0, 0, 0, 1, 9, 9, 9]).count(2), Ok(1));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(byte: u8, number: u64, amount: i64, text in ".{0,20}", id: [u8; 32]) {
            let mut writer = Writer::default();
            writer.byte(byte).unsigned(number).signed(amount).text(&text).bytes(&id);
            let bytes = writer.into_bytes();
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.byte(), Ok(byte));
            prop_assert_eq!(reader.unsigned(), Ok(number));
            prop_assert_eq!(reader.signed(), Ok(amount));
            prop_assert_eq!(reader.text(), Ok(text.as_str()));
            prop_assert_eq!(reader.array(), Ok(id));
            prop_assert_eq!(reader.end(), Ok(()));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut reader = Reader::new(&bytes);
            while reader.text().is_ok() {}
            let _ = reader.count(3);
            let _ = reader.array::<32>();
        }
    }
}
