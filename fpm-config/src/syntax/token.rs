//! Tokens of PHP's ini language, named as PHP names them in its messages.

use std::ops::Range;

/// What a token is; the names are those of PHP's grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The scanner has nothing more to give (or nothing it can read).
    End,
    Section,
    Raw,
    Constant,
    Number,
    String,
    Whitespace,
    Label,
    Offset,
    DollarCurly,
    VarName,
    Quoted,
    Fallback,
    True,
    False,
    Null,
    EndOfLine,
    /// A character that stands for itself.
    Char(u8),
}

impl Kind {
    /// The name in `syntax error, unexpected …`.
    pub(crate) fn name(self) -> String {
        let name = match self {
            Self::End => "end of file",
            Self::Section => "TC_SECTION",
            Self::Raw => "TC_RAW",
            Self::Constant => "TC_CONSTANT",
            Self::Number => "TC_NUMBER",
            Self::String => "TC_STRING",
            Self::Whitespace => "TC_WHITESPACE",
            Self::Label => "TC_LABEL",
            Self::Offset => "TC_OFFSET",
            Self::DollarCurly => "TC_DOLLAR_CURLY",
            Self::VarName => "TC_VARNAME",
            Self::Quoted => "TC_QUOTED_STRING",
            Self::Fallback => "TC_FALLBACK",
            Self::True => "BOOL_TRUE",
            Self::False => "BOOL_FALSE",
            Self::Null => "NULL_NULL",
            Self::EndOfLine => "END_OF_LINE",
            Self::Char(char) => return format!("'{}'", char::from(char)),
        };
        name.to_owned()
    }
}

/// A token: its kind, and the bytes of the line that are its text (without
/// quotes, brackets and the blanks that the scanner drops).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) text: Range<usize>,
}
