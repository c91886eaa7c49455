//! The scanner of PHP's ini language in its NORMAL mode.
//!
//! Like PHP's, it is a set of rules per state; at each place the longest
//! match wins, and among equals the rule that stands first. Where a rule
//! would have to read past the end of the line, PHP reports the end of the
//! input, and so does this.

use crate::schema::PhpVersion;

use super::chars::{self, Match};
use super::token::{Kind, Token};

/// What the scanner is inside of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Initial,
    Value,
    SectionValue,
    Offset,
    VarName,
    Fallback,
    DoubleQuotes,
}

/// What differs between versions of PHP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `]` is an ordinary byte of a name.
    UpTo82,
    /// It is not, and there is `${NAME:-default}`.
    Since83,
}

impl Dialect {
    /// What `php` reads.
    pub(crate) fn of(php: PhpVersion) -> Self {
        if php.at_least(8, 3) {
            Self::Since83
        } else {
            Self::UpTo82
        }
    }
}

/// Cuts one line into tokens.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    line: &'a [u8],
    at: usize,
    state: State,
    stack: Vec<State>,
    /// PHP's line counter; php-fpm hands over single lines, so it starts at 1
    /// and shows in syntax errors only.
    line_number: u32,
    dialect: Dialect,
}

impl<'a> Scanner<'a> {
    /// A scanner of `line`, which holds no NUL byte (C's end of string).
    pub(crate) fn new(line: &'a [u8], dialect: Dialect) -> Self {
        // A UTF-8 byte order mark is dropped if anything stands behind it.
        let marked = line.len() > 3 && line.starts_with(b"\xef\xbb\xbf");
        Self {
            line,
            at: if marked { 3 } else { 0 },
            state: State::Initial,
            stack: Vec::new(),
            line_number: 1,
            dialect,
        }
    }

    pub(crate) fn line_number(&self) -> u32 {
        self.line_number
    }

    /// The text of a token.
    pub(crate) fn text(&self, token: &Token) -> &'a [u8] {
        &self.line[token.text.clone()]
    }

    /// The next token; [`Kind::End`] for ever once the input is used up.
    pub(crate) fn next(&mut self) -> Token {
        loop {
            if self.at >= self.line.len() {
                if self.state == State::Value {
                    self.state = State::Initial;
                    return self.empty(Kind::EndOfLine);
                }
                return self.empty(Kind::End);
            }
            let token = match self.state {
                State::Initial => self.initial(),
                State::Value => Some(self.value()),
                State::SectionValue | State::Offset => Some(self.bracketed()),
                State::VarName => Some(self.variable_name()),
                State::Fallback => Some(self.fallback()),
                State::DoubleQuotes => Some(self.double_quotes()),
            };
            if let Some(token) = token {
                return token;
            }
        }
    }

    fn rest(&self) -> &'a [u8] {
        &self.line[self.at..]
    }

    fn empty(&self, kind: Kind) -> Token {
        let at = self.at.min(self.line.len());
        Token { kind, text: at..at }
    }

    /// Takes `len` bytes; all of them are the token's text.
    fn take(&mut self, kind: Kind, len: usize) -> Token {
        let start = self.at;
        self.at += len;
        Token {
            kind,
            text: start..self.at,
        }
    }

    /// Takes `len` bytes, blanks at both ends are not text.
    fn take_trimmed(&mut self, kind: Kind, len: usize) -> Token {
        let mut token = self.take(kind, len);
        let text = &self.line[token.text.clone()];
        token.text.start += chars::blanks(text).min(text.len());
        let kept = &self.line[token.text.clone()];
        token.text.end -= kept.len() - chars::trim_end(kept).len();
        token
    }

    fn take_char(&mut self, len: usize) -> Token {
        let char = self.line[self.at];
        self.take(Kind::Char(char), len)
    }

    /// Nothing matches, or a match runs past the end: PHP's scanner gives up.
    fn give_up(&mut self) -> Token {
        let token = self.empty(Kind::End);
        self.at = self.line.len();
        if self.state == State::Value {
            self.state = State::Initial;
        }
        token
    }

    fn push(&mut self, state: State) {
        self.stack.push(self.state);
        self.state = state;
    }

    fn pop(&mut self) {
        self.state = self.stack.pop().unwrap_or(State::Initial);
    }

    fn initial(&mut self) -> Option<Token> {
        let rest = self.rest();
        let blanks = chars::blanks(rest);
        let label = chars::label(rest, self.dialect);
        if label == rest.len() {
            // Without a newline (behind it stood a NUL byte) PHP reads on.
            return Some(self.give_up());
        }
        let after_blanks = rest.get(blanks).copied();
        if rest[0] == b'[' {
            self.state = State::SectionValue;
            return Some(self.take(Kind::Section, 1));
        }
        if label > 0 && rest.get(label) == Some(&b'[') {
            let token = self.take_trimmed(Kind::Offset, label);
            self.at += 1 + chars::blanks(&rest[label + 1..]);
            self.state = State::Offset;
            return Some(token);
        }
        if let Some((kind, len)) = chars::keyword(rest)
            && len >= label
        {
            return Some(self.take(kind, len));
        }
        match after_blanks {
            Some(b'=') if blanks + 1 > label => {
                let len = blanks + 1 + chars::blanks(&rest[blanks + 1..]);
                self.state = State::Value;
                let mut token = self.take(Kind::Char(b'='), len);
                token.text = token.text.start + blanks..token.text.start + blanks + 1;
                Some(token)
            }
            Some(b'\r' | b'\n') if blanks + 1 > label => Some(self.end_of_line(blanks)),
            Some(b';') if blanks + 1 > label => Some(self.comment(blanks)),
            _ if label > 0 && label >= blanks => Some(self.take_trimmed(Kind::Label, label)),
            _ if blanks > 0 => {
                self.at += blanks;
                None
            }
            _ if chars::is_token(rest[0]) => Some(self.take_char(1)),
            _ => Some(self.give_up()),
        }
    }

    fn end_of_line(&mut self, blanks: usize) -> Token {
        let rest = self.rest();
        let newline = chars::newline(&rest[blanks..]);
        self.state = State::Initial;
        self.line_number += 1;
        self.take(Kind::EndOfLine, blanks + newline)
    }

    /// A comment ends with a newline, or the scanner runs past the input.
    fn comment(&mut self, blanks: usize) -> Token {
        let rest = self.rest();
        let is_end = |&byte: &u8| byte == b'\n' || byte == b'\r';
        let Some(len) = rest[blanks..].iter().position(is_end) else {
            return self.give_up();
        };
        self.end_of_line(blanks + len)
    }

    fn value(&mut self) -> Token {
        let rest = self.rest();
        if rest[0] == b'\'' {
            return match chars::single_quoted(rest) {
                Match::Len(len) => self.raw(len),
                Match::PastEnd => self.give_up(),
                Match::None => self.any_in_value(),
            };
        }
        if rest.starts_with(b"${") {
            self.push(State::VarName);
            return self.take(Kind::DollarCurly, 2);
        }
        let word = chars::value_chars(rest);
        let constant = chars::constant(rest);
        let number = chars::number(rest);
        let longest = word.max(constant).max(number);
        if let Some((kind, len)) = chars::keyword(rest)
            && len >= longest
        {
            return self.take(kind, len);
        }
        if longest > 0 && longest == constant {
            return self.take(Kind::Constant, constant);
        }
        if longest > 0 && longest == number {
            return self.take(Kind::Number, number);
        }
        if longest > 0 {
            return self.take(Kind::String, word);
        }
        self.value_punctuation()
    }

    fn value_punctuation(&mut self) -> Token {
        let rest = self.rest();
        let blanks = chars::blanks(rest);
        match rest.get(blanks) {
            Some(b'\r' | b'\n') => self.end_of_line(blanks),
            Some(b';') => self.comment(blanks),
            Some(b'"') => self.open_quotes(blanks),
            _ if blanks > 0 => self.take(Kind::Whitespace, blanks),
            Some(&byte) if chars::is_operator(byte) => {
                self.take_char(1 + chars::blanks(&rest[1..]))
            }
            // `=` in a value: PHP ends the value here so that the rest is an error.
            Some(b'=') => {
                self.state = State::Initial;
                self.empty(Kind::EndOfLine)
            }
            _ => self.any_in_value(),
        }
    }

    /// A byte that no rule of a value takes ends the value.
    fn any_in_value(&mut self) -> Token {
        self.state = State::Initial;
        self.take(Kind::EndOfLine, 1)
    }

    fn raw(&mut self, len: usize) -> Token {
        let mut token = self.take(Kind::Raw, len);
        token.text = token.text.start + 1..token.text.end - 1;
        token
    }

    fn open_quotes(&mut self, blanks: usize) -> Token {
        self.push(State::DoubleQuotes);
        self.take(Kind::Char(b'"'), blanks + 1)
    }

    /// Inside `[section]` or `name[offset]`.
    fn bracketed(&mut self) -> Token {
        let rest = self.rest();
        let blanks = chars::blanks(rest);
        let in_offset = self.state == State::Offset;
        if rest[0] == b'\'' {
            return match chars::single_quoted(rest) {
                Match::Len(len) => self.raw(len),
                Match::PastEnd | Match::None => self.give_up(),
            };
        }
        if rest.starts_with(b"${") {
            self.push(State::VarName);
            return self.take(Kind::DollarCurly, 2);
        }
        let text = match chars::section_chars(rest) {
            Match::PastEnd => return self.give_up(),
            Match::Len(len) => len,
            Match::None => 0,
        };
        match rest.get(blanks) {
            Some(b']') if in_offset && blanks + 1 > text => {
                self.state = State::Initial;
                self.take(Kind::Char(b']'), blanks + 1)
            }
            Some(b']') if blanks == 0 => self.close_section(),
            Some(b'"') if blanks + 1 > text => self.open_quotes(blanks),
            _ => self.longest_text(text, blanks),
        }
    }

    /// `]` of a section swallows blanks and one newline.
    fn close_section(&mut self) -> Token {
        let rest = self.rest();
        let blanks = chars::blanks(&rest[1..]);
        let newline = chars::newline(&rest[1 + blanks..]);
        self.state = State::Initial;
        self.line_number += 1;
        self.take(Kind::Char(b']'), 1 + blanks + newline)
    }

    /// The longest of constant, number, `text` and blanks.
    fn longest_text(&mut self, text: usize, blanks: usize) -> Token {
        let rest = self.rest();
        let constant = chars::constant(rest);
        let number = chars::number(rest);
        let longest = text.max(constant).max(number).max(blanks);
        match longest {
            0 => self.give_up(),
            len if len == constant => self.take(Kind::Constant, len),
            len if len == number => self.take(Kind::Number, len),
            len if len == text => self.take(Kind::String, len),
            len => self.take(Kind::Whitespace, len),
        }
    }

    fn variable_name(&mut self) -> Token {
        let rest = self.rest();
        if rest[0] == b'}' {
            self.pop();
            return self.take_char(1);
        }
        if self.dialect == Dialect::Since83 && rest.starts_with(b":-") {
            return self.start_fallback(2);
        }
        let mut len = chars::label(rest, self.dialect);
        if len == 0 {
            return self.give_up();
        }
        if self.dialect == Dialect::Since83 {
            // PHP looks behind the first byte of a name only: with a name of
            // one byte the fallback starts at once, and the name is missing.
            if rest[1..].starts_with(b":-") {
                return self.start_fallback(2);
            }
            let name = rest[..len].windows(2).position(|pair| pair == b":-");
            len = name.unwrap_or(len);
        }
        self.take_trimmed(Kind::VarName, len)
    }

    fn start_fallback(&mut self, len: usize) -> Token {
        self.pop();
        self.push(State::Fallback);
        self.take(Kind::Fallback, len)
    }

    fn fallback(&mut self) -> Token {
        let rest = self.rest();
        if rest[0] == b'}' {
            self.pop();
            return self.take_char(1);
        }
        if rest.starts_with(b"${") {
            self.push(State::VarName);
            return self.take(Kind::DollarCurly, 2);
        }
        let blanks = chars::blanks(rest);
        let text = match chars::fallback_chars(rest) {
            Match::PastEnd => return self.give_up(),
            Match::Len(len) => len,
            Match::None => 0,
        };
        if rest.get(blanks) == Some(&b'"') && blanks + 1 > text {
            return self.open_quotes(blanks);
        }
        self.longest_text(text, blanks)
    }

    fn double_quotes(&mut self) -> Token {
        let rest = self.rest();
        if rest[0] == b'"' {
            self.pop();
            return self.take(Kind::Char(b'"'), 1 + chars::blanks(&rest[1..]));
        }
        if rest.starts_with(b"${") {
            self.push(State::VarName);
            return self.take(Kind::DollarCurly, 2);
        }
        let len = chars::quoted(rest);
        self.line_number += chars::newlines(&rest[..len]);
        self.take(Kind::Quoted, len)
    }
}
