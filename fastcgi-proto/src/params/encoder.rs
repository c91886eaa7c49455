//! Writing pairs, as the content of records or alone.

use alloc::vec;
use alloc::vec::Vec;
use core::mem;

use super::owned::{InvalidContentLength, parse_length};
use super::{MAX_LEN, ParamsIter, len_of_len, nul};
use crate::ParamError;
use crate::buffer::Buffer;
use crate::wire::{MAX_ALIGNED_CONTENT, RecordHeader, RecordType, padding_for};

const CONTENT_LENGTH: &[u8] = b"CONTENT_LENGTH";
const DATA_LENGTH: &[u8] = b"FCGI_DATA_LENGTH";

/// What to do with a pair that does not fit into one record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PairSplit {
    /// Refuse it: php-fpm cannot read a pair that continues in the next
    /// record and closes the connection without an answer.
    #[default]
    Never,
    /// Continue it in the next record, as the specification allows. Only for
    /// peers known to read that: libfcgi, Go, this crate.
    Allow,
}

/// What the value of a length param says.
pub(crate) type DeclaredLength = Result<Option<u64>, InvalidContentLength>;

/// What the pairs written so far say about the lengths of the input streams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declared {
    pub(crate) stdin: DeclaredLength,
    pub(crate) data: DeclaredLength,
}

impl Declared {
    #[inline]
    fn note(&mut self, name: &[u8], value: &[u8]) {
        match name {
            CONTENT_LENGTH => self.stdin = parse_length(value),
            DATA_LENGTH => self.data = parse_length(value),
            _ => {}
        }
    }
}

/// How pairs are put into records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Framing {
    pub(crate) request_id: u16,
    pub(crate) max_content: u16,
    pub(crate) pad: bool,
    pub(crate) split: PairSplit,
}

impl Framing {
    /// As every known peer accepts it.
    pub(crate) const fn usual(request_id: u16) -> Self {
        Self {
            request_id,
            max_content: MAX_ALIGNED_CONTENT,
            pad: true,
            split: PairSplit::Never,
        }
    }
}

/// Writes name-value pairs to the end of a buffer.
///
/// As `PARAMS` records ([`records`](Self::records)): cut only between pairs,
/// at most 65528 bytes of content each, padded to multiples of 8, with an
/// unpadded terminator, as every known peer accepts them. Or as pairs alone
/// ([`pairs`](Self::pairs)), the form that [`Params`](crate::Params) holds.
///
/// Nothing stays in the buffer unless [`finish`](Self::finish) succeeds. A
/// buffer that is used again costs no allocation.
///
/// # Examples
///
/// ```
/// use fastcgi_proto::{ParamError, ParamsEncoder};
///
/// let mut out = Vec::new();
/// let mut params = ParamsEncoder::records(&mut out, 1);
/// params.push(b"REQUEST_METHOD", b"GET")?;
/// params.finish()?;
/// assert_eq!(&out[..10], b"\x01\x04\x00\x01\x00\x13\x05\x00\x0e\x03");
/// assert_eq!(&out[out.len() - 8..], b"\x01\x04\x00\x01\x00\x00\x00\x00");
///
/// let mut params = ParamsEncoder::records(&mut out, 2);
/// params.push(b"SCRIPT_FILENAME", b"e.php\0.jpg")?;
/// assert_eq!(params.finish(), Err(ParamError::Nul { index: 0 }));
/// assert_eq!(out.len(), 8 + 19 + 5 + 8);
/// # Ok::<(), ParamError>(())
/// ```
#[derive(Debug)]
pub struct ParamsEncoder<'b> {
    out: Buffer,
    /// Where `out` belongs.
    home: Home<'b>,
    framing: Option<Framing>,
    /// The buffer's length before the first record.
    start: usize,
    /// Where the content of the open record starts.
    content: usize,
    /// Where the content of the open record ends at the latest.
    limit: usize,
    /// Up to where, between two pairs, no NUL byte is but in lengths.
    checked: usize,
    /// Pairs before `checked`.
    count_checked: usize,
    /// NUL bytes after `checked` that belong to lengths.
    nuls: usize,
    declared: Declared,
}

#[derive(Debug)]
enum Home<'b> {
    Vec(&'b mut Vec<u8>),
    Buffer(&'b mut Buffer),
    /// A vector, and what it is to be known to declare once it is finished.
    Head(&'b mut Vec<u8>, &'b mut Option<Declared>),
}

impl<'b> ParamsEncoder<'b> {
    /// Appends `PARAMS` records of request `request_id` to `out`.
    #[must_use]
    pub fn records(out: &'b mut Vec<u8>, request_id: u16) -> Self {
        let buffer = Buffer::from_vec(mem::take(out));
        Self::new(buffer, Home::Vec(out), Some(Framing::usual(request_id)))
    }

    /// [`records`](Self::records) whose declared lengths are left in
    /// `declared` when they are finished.
    pub(crate) fn head(
        out: &'b mut Vec<u8>,
        request_id: u16,
        declared: &'b mut Option<Declared>,
    ) -> Self {
        let buffer = Buffer::from_vec(mem::take(out));
        let home = Home::Head(out, declared);
        Self::new(buffer, home, Some(Framing::usual(request_id)))
    }

    /// Appends the pairs to `out` without record headers.
    #[must_use]
    pub fn pairs(out: &'b mut Vec<u8>) -> Self {
        let buffer = Buffer::from_vec(mem::take(out));
        Self::new(buffer, Home::Vec(out), None)
    }

    #[inline]
    pub(crate) fn framed(out: &'b mut Buffer, framing: Framing) -> Self {
        let buffer = mem::take(out);
        Self::new(buffer, Home::Buffer(out), Some(framing))
    }

    #[inline]
    fn new(out: Buffer, home: Home<'b>, framing: Option<Framing>) -> Self {
        let start = out.len();
        let mut this = Self {
            out,
            home,
            framing,
            start,
            content: start,
            limit: usize::MAX,
            checked: start,
            count_checked: 0,
            nuls: 0,
            declared: Declared {
                stdin: Ok(None),
                data: Ok(None),
            },
        };
        if let Some(framing) = framing {
            this.open_record(framing);
        }
        this
    }

    /// What the last length params said.
    pub(crate) const fn declared(&self) -> Declared {
        self.declared
    }

    /// Appends a pair. Empty names and values are legal, names may repeat
    /// (php-fpm takes the last one).
    ///
    /// # Errors
    ///
    /// [`ParamError::TooLong`] if the pair does not fit into a record. A NUL
    /// byte is reported when its record is complete, by this method or by
    /// [`finish`](Self::finish). After an error only dropping the encoder is
    /// of use.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "both lengths are below 0x80"
    )]
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), ParamError> {
        let (name_len, value_len) = (name.len(), value.len());
        // Nearly all pairs have two 1-byte lengths, a value, and fit.
        if name_len < 0x80
            && value_len.wrapping_sub(1) < 0x7f
            && let Some([to_name_len, to_value_len, pair @ ..]) =
                self.out.next_within(2 + name_len + value_len, self.limit)
            && let Some((to_name, to_value)) = pair.split_at_mut_checked(name_len)
        {
            if is_special(name_len) {
                self.nuls += nul::in_lengths(name_len, value_len);
                self.declared.note(name, value);
            }
            (*to_name_len, *to_value_len) = (name_len as u8, value_len as u8);
            copy_short(to_name, name);
            copy_short(to_value, value);
            return Ok(());
        }
        self.push_slow(name, value)
    }

    /// Appends a pair whose name and value are written in place by `fill`,
    /// which gets two zeroed slices of the lengths given.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    ///
    /// ```
    /// # use fastcgi_proto::ParamsEncoder;
    /// let (header, mut out) = (b"accept", Vec::new());
    /// let mut params = ParamsEncoder::pairs(&mut out);
    /// params.push_with(5 + header.len(), 3, |name, value| {
    ///     name[..5].copy_from_slice(b"HTTP_");
    ///     name[5..].copy_from_slice(header);
    ///     name.make_ascii_uppercase();
    ///     value.copy_from_slice(b"*/*");
    /// })?;
    /// params.finish()?;
    /// assert_eq!(out, b"\x0b\x03HTTP_ACCEPT*/*");
    /// # Ok::<(), fastcgi_proto::ParamError>(())
    /// ```
    pub fn push_with(
        &mut self,
        name_len: usize,
        value_len: usize,
        fill: impl FnOnce(&mut [u8], &mut [u8]),
    ) -> Result<(), ParamError> {
        if !self.make_room(name_len, value_len)? {
            let mut pair = vec![0; name_len + value_len];
            let (name, value) = pair.split_at_mut(name_len);
            fill(name, value);
            return self.push_split(name, value);
        }
        self.put_lengths(name_len, value_len);
        let pair = self.out.next(name_len + value_len);
        pair.fill(0);
        let (name, value) = pair.split_at_mut(name_len);
        fill(name, value);
        self.declared.note(name, value);
        Ok(())
    }

    /// Ends the stream and keeps what was written.
    ///
    /// # Errors
    ///
    /// [`ParamError::Nul`] names the first pair that contains a NUL byte; the
    /// buffer is as it was before this encoder.
    #[inline]
    pub fn finish(mut self) -> Result<(), ParamError> {
        self.check()?;
        if let Some(framing) = self.framing {
            self.close_record(framing);
            if self.out.len() > self.content {
                self.open_record(framing);
            }
            // The header in front of `content` is complete: an empty record
            // without padding, for php-fpm reads padding here as input.
        }
        let said = self.declared;
        if let Home::Head(_, declared) = &mut self.home {
            **declared = Some(said);
        }
        // Dropping drops what is behind it.
        self.start = self.out.len();
        Ok(())
    }

    #[cold]
    fn push_slow(&mut self, name: &[u8], value: &[u8]) -> Result<(), ParamError> {
        if !self.make_room(name.len(), value.len())? {
            return self.push_split(name, value);
        }
        self.put_lengths(name.len(), value.len());
        self.out.put(name);
        self.out.put(value);
        self.declared.note(name, value);
        Ok(())
    }

    /// Sees to it that the pair fits the open record, which may be a new
    /// one. `false`: it fits no record and is to be continued in the next.
    fn make_room(&mut self, name_len: usize, value_len: usize) -> Result<bool, ParamError> {
        if name_len > MAX_LEN || value_len > MAX_LEN {
            return Err(ParamError::TooLong {
                index: self.count(),
                len: name_len.saturating_add(value_len).saturating_add(8),
                max: MAX_LEN,
            });
        }
        let Some(framing) = self.framing else {
            return Ok(true);
        };
        let len = len_of_len(name_len) + len_of_len(value_len) + name_len + value_len;
        if self.limit - self.out.len() >= len {
            return Ok(true);
        }
        let max = usize::from(framing.max_content);
        if len > max && framing.split == PairSplit::Never {
            return Err(ParamError::TooLong {
                index: self.count(),
                len,
                max,
            });
        }
        if self.out.len() > self.content {
            self.check()?;
            self.count_checked = self.count();
            self.close_record(framing);
            self.open_record(framing);
        }
        Ok(len <= max)
    }

    fn put_lengths(&mut self, name_len: usize, value_len: usize) {
        self.nuls += nul::in_lengths(name_len, value_len);
        for len in [name_len, value_len] {
            match u32::try_from(len).unwrap_or(u32::MAX) {
                // Below 0x80 the last byte is the whole number.
                len @ 0..0x80 => self.out.put(&len.to_be_bytes()[3..]),
                len => self.out.put(&(len | 0x8000_0000).to_be_bytes()),
            }
        }
    }

    /// Writes a pair across as many records as it takes.
    fn push_split(&mut self, name: &[u8], value: &[u8]) -> Result<(), ParamError> {
        if name.contains(&0) || value.contains(&0) {
            return Err(ParamError::Nul {
                index: self.count(),
            });
        }
        self.count_checked = self.count() + 1;
        self.put_lengths(name.len(), value.len());
        for mut part in [name, value] {
            while !part.is_empty() {
                if self.out.len() == self.limit
                    && let Some(framing) = self.framing
                {
                    self.close_record(framing);
                    self.open_record(framing);
                }
                let (now, later) = part.split_at(part.len().min(self.limit - self.out.len()));
                self.out.put(now);
                part = later;
            }
        }
        self.checked = self.out.len();
        self.nuls = 0;
        Ok(())
    }

    #[inline]
    fn open_record(&mut self, framing: Framing) {
        let header = RecordHeader {
            record_type: RecordType::PARAMS,
            request_id: framing.request_id,
            content_len: 0,
            padding_len: 0,
        };
        self.out.put_array(&header.encode());
        self.content = self.out.len();
        self.limit = self.content + usize::from(framing.max_content);
        self.checked = self.content;
        self.nuls = 0;
    }

    /// Puts lengths into the open record's header, and padding behind it.
    #[inline]
    fn close_record(&mut self, framing: Framing) {
        let len = self.out.len() - self.content;
        let padding = if framing.pad { padding_for(len) } else { 0 };
        // `limit` keeps the content within a u16.
        let [len1, len0] = u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes();
        let before = &mut self.out.written_mut()[..self.content];
        if let Some([.., l1, l0, padding_len, _]) = before.last_chunk_mut::<8>() {
            (*l1, *l0, *padding_len) = (len1, len0, padding);
        }
        self.out.put_padding(padding);
    }

    /// The number of pairs so far.
    #[cold]
    fn count(&self) -> usize {
        self.count_checked + ParamsIter::new(&self.out.written()[self.checked..]).count()
    }

    /// Refuses NUL bytes in what was written since the last check.
    #[inline]
    fn check(&self) -> Result<(), ParamError> {
        let unchecked = &self.out.written()[self.checked..];
        let is_clean = match self.nuls {
            0 => !nul::is_in(unchecked),
            expected => nul::count(unchecked) == expected,
        };
        if is_clean {
            return Ok(());
        }
        let index = nul::first(unchecked).unwrap_or_default();
        Err(ParamError::Nul {
            index: self.count_checked + index,
        })
    }
}

/// Whether a name of this length is empty or may be one that is looked at.
#[inline]
const fn is_special(name_len: usize) -> bool {
    const LENGTHS: u32 = 1 | 1 << CONTENT_LENGTH.len() | 1 << DATA_LENGTH.len();
    name_len <= DATA_LENGTH.len() && LENGTHS >> name_len & 1 != 0
}

/// `to.copy_from_slice(from)` without a call where both are of a usual
/// length: the call costs more than the copy.
#[inline]
fn copy_short(to: &mut [u8], from: &[u8]) {
    match from.len() {
        8..=16 => copy_ends::<8>(to, from),
        17..=32 => copy_ends::<16>(to, from),
        4..=7 => copy_ends::<4>(to, from),
        2..=3 => copy_ends::<2>(to, from),
        _ => to.copy_from_slice(from),
    }
}

/// Copies the first and the last `N` bytes, which overlap or meet if there
/// are `N` to 2 `N`.
#[inline]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) {
        let (first, last) = (*first, *last);
        if let Some(to) = to.first_chunk_mut() {
            *to = first;
        }
        if let Some(to) = to.last_chunk_mut() {
            *to = last;
        }
    }
}

impl Drop for ParamsEncoder<'_> {
    #[inline]
    fn drop(&mut self) {
        let mut out = mem::take(&mut self.out);
        out.truncate(self.start);
        match &mut self.home {
            Home::Vec(home) | Home::Head(home, _) => **home = out.into_vec(),
            Home::Buffer(home) => **home = out,
        }
    }
}
