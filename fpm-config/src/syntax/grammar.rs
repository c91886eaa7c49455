//! The statements of one line, in PHP's grammar.
//!
//! ```text
//! line      := statement*
//! statement := '[' text? ']' | NAME '=' value | NAME '[' text? ']' '=' value
//!            | NAME | newline
//! value     := keyword | newline | expr
//! expr      := text | expr ('|' | '&' | '^') expr | ('~' | '!') expr | '(' expr ')'
//! text      := (variable | constant | raw | number | string | blanks | '"' … '"')+
//! ```
//!
//! A syntax error ends the line. It names the tokens that PHP's own parser
//! (an LALR(1) automaton with default reductions) would have taken at that
//! place, as long as there are four at most.

use std::ops::Range;

use super::evaluate::{self, Names};
use super::scanner::{Dialect, Scanner};
use super::token::{Kind, Token};

/// Something a line says. Ranges count from the start of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event<'v> {
    /// `[name]`; `span` is the whole statement.
    Section {
        name: &'v [u8],
        span: Range<usize>,
        name_span: Range<usize>,
    },
    /// `name = value`, or a `name` alone.
    Entry {
        name: &'v [u8],
        name_span: Range<usize>,
        value: Option<&'v [u8]>,
        value_span: Range<usize>,
    },
    /// `name[key] = value`.
    Array {
        name: &'v [u8],
        name_span: Range<usize>,
        key: &'v [u8],
        key_span: Range<usize>,
        value: &'v [u8],
        value_span: Range<usize>,
    },
    /// PHP's message, and where the token is that it did not expect.
    Syntax { message: String, span: Range<usize> },
}

/// Reads `line` (without a NUL byte) and reports what it says, in order.
pub(crate) fn read_line(
    line: &[u8],
    names: &dyn Names,
    dialect: Dialect,
    report: &mut dyn FnMut(Event<'_>),
) {
    let mut parser = Parser {
        scanner: Scanner::new(line, dialect),
        ahead: None,
        nested: 0,
        names,
        report,
    };
    if let Err(unexpected) = parser.statements() {
        let message = parser.message(&unexpected);
        (parser.report)(Event::Syntax {
            message,
            span: unexpected.span,
        });
    }
}

/// How deep PHP's parser stack grows before it gives up.
const MAX_DEPTH: usize = 10_000;
/// States on that stack when the value of an entry begins.
const ENTRY_DEPTH: usize = 4;
/// The same for `name[key] = value`.
const ARRAY_DEPTH: usize = 6;

/// How many defaults `${A:-${B:-…}}` may stand in each other. PHP's stack
/// would take some 3,000; ours is the thread's.
const MAX_NESTED: usize = 200;

const IN_QUOTES: &[Kind] = &[Kind::DollarCurly, Kind::Quoted, Kind::Char(b'"')];
const IN_PARENTHESES: &[Kind] = &[
    Kind::Char(b'^'),
    Kind::Char(b'|'),
    Kind::Char(b'&'),
    Kind::Char(b')'),
];
/// More than four: PHP names none.
const MANY: &[Kind] = &[];

#[derive(Debug)]
struct Unexpected {
    /// `None`: too deep.
    kind: Option<Kind>,
    expected: &'static [Kind],
    span: Range<usize>,
}

type Parsed<T> = Result<T, Unexpected>;

struct Parser<'a, 'r> {
    scanner: Scanner<'a>,
    ahead: Option<Token>,
    nested: usize,
    names: &'r dyn Names,
    report: &'r mut dyn FnMut(Event<'_>),
}

/// A text and the bytes of the line that it comes from.
#[derive(Debug, Default)]
struct Text {
    bytes: Vec<u8>,
    span: Range<usize>,
}

/// What waits for an operand on its right.
enum Waiting {
    Parenthesis,
    Unary(u8),
    Binary(u8, i32),
}

impl Parser<'_, '_> {
    fn peek(&mut self) -> Kind {
        let token = self.ahead.get_or_insert_with(|| self.scanner.next());
        token.kind
    }

    fn next(&mut self) -> Token {
        match self.ahead.take() {
            Some(token) => token,
            None => self.scanner.next(),
        }
    }

    /// The next token is not one of `expected`.
    fn unexpected<T>(&mut self, expected: &'static [Kind]) -> Parsed<T> {
        let token = self.next();
        Err(Unexpected {
            kind: Some(token.kind),
            expected,
            span: token.text,
        })
    }

    fn expect(&mut self, kind: Kind, expected: &'static [Kind]) -> Parsed<Token> {
        if self.peek() == kind {
            Ok(self.next())
        } else {
            self.unexpected(expected)
        }
    }

    fn message(&self, unexpected: &Unexpected) -> String {
        let line = self.scanner.line_number();
        let Some(kind) = unexpected.kind else {
            return format!("memory exhausted in Unknown on line {line}");
        };
        let expected = unexpected.expected.iter().map(|kind| kind.name());
        let expected = expected.collect::<Vec<_>>().join(" or ");
        let expecting = if expected.is_empty() {
            String::new()
        } else {
            format!(", expecting {expected}")
        };
        let name = kind.name();
        format!("syntax error, unexpected {name}{expecting} in Unknown on line {line}")
    }

    fn statements(&mut self) -> Parsed<()> {
        loop {
            match self.peek() {
                Kind::End => return Ok(()),
                Kind::EndOfLine => drop(self.next()),
                Kind::Section => self.section()?,
                Kind::Label => self.entry()?,
                Kind::Offset => self.array()?,
                _ => return self.unexpected(MANY),
            }
        }
    }

    fn section(&mut self) -> Parsed<()> {
        let open = self.next();
        let name = self.text(Constants::Literal)?;
        let close = self.expect(Kind::Char(b']'), &[Kind::Char(b']')])?;
        let name_span = if name.span.is_empty() {
            open.text.end..close.text.start
        } else {
            name.span
        };
        (self.report)(Event::Section {
            name: &name.bytes,
            span: open.text.start..close.text.start + 1,
            name_span,
        });
        Ok(())
    }

    fn entry(&mut self) -> Parsed<()> {
        let label = self.next();
        let name = self.scanner.text(&label).to_vec();
        let value = if self.peek() == Kind::Char(b'=') {
            let equals = self.next();
            Some(self.value(ENTRY_DEPTH, &equals)?)
        } else {
            None
        };
        let end = label.text.end;
        (self.report)(Event::Entry {
            name: &name,
            name_span: label.text,
            value: value.as_ref().map(|value| value.bytes.as_slice()),
            value_span: value.as_ref().map_or(end..end, |value| value.span.clone()),
        });
        Ok(())
    }

    fn array(&mut self) -> Parsed<()> {
        let label = self.next();
        let name = self.scanner.text(&label).to_vec();
        let mut key = self.text(Constants::Replaced)?;
        let close = self.expect(Kind::Char(b']'), &[Kind::Char(b']')])?;
        if key.span.is_empty() {
            key.span = close.text.start..close.text.start;
        }
        let equals = self.expect(Kind::Char(b'='), &[Kind::Char(b'=')])?;
        let value = self.value(ARRAY_DEPTH, &equals)?;
        (self.report)(Event::Array {
            name: &name,
            name_span: label.text,
            key: &key.bytes,
            key_span: key.span,
            value: &value.bytes,
            value_span: value.span,
        });
        Ok(())
    }

    fn value(&mut self, depth: usize, equals: &Token) -> Parsed<Text> {
        let bytes = match self.peek() {
            Kind::True => b"1".to_vec(),
            Kind::False | Kind::Null => Vec::new(),
            Kind::EndOfLine => {
                self.next();
                let at = equals.text.end;
                return Ok(Text {
                    bytes: Vec::new(),
                    span: at..at,
                });
            }
            _ => return self.expression(depth),
        };
        let keyword = self.next();
        let written = self.scanner.text(&keyword).trim_ascii_end().len();
        let start = keyword.text.start;
        Ok(Text {
            bytes,
            span: start..start + written,
        })
    }

    /// Operators bind to the left and all alike; `~` and `!` bind tighter.
    fn expression(&mut self, depth: usize) -> Parsed<Text> {
        let mut waiting: Vec<Waiting> = Vec::new();
        let mut states = depth;
        let start = self.start();
        loop {
            let mut operand = self.operand(&mut waiting, &mut states)?;
            loop {
                operand.bytes = apply(&mut waiting, &mut states, operand.bytes);
                match (self.peek(), waiting.last()) {
                    (Kind::Char(operator @ (b'|' | b'&' | b'^')), _) => {
                        self.next();
                        let left = evaluate::atoi(&operand.bytes);
                        waiting.push(Waiting::Binary(operator, left));
                        states += 2;
                        break;
                    }
                    (Kind::Char(b')'), Some(Waiting::Parenthesis)) => {
                        let close = self.next();
                        // Parenthesis, operand and this one are on the stack.
                        check_depth(states + 2, &close)?;
                        operand.span.end = close.text.start + 1;
                        waiting.pop();
                        states -= 1;
                    }
                    (_, Some(_)) => return self.unexpected(IN_PARENTHESES),
                    (_, None) => {
                        operand.span.start = start;
                        return Ok(operand);
                    }
                }
            }
        }
    }

    fn start(&mut self) -> usize {
        self.peek();
        self.ahead.as_ref().map_or(0, |token| token.text.start)
    }

    /// A text, with the prefixes before it put on `waiting`.
    fn operand(&mut self, waiting: &mut Vec<Waiting>, states: &mut usize) -> Parsed<Text> {
        loop {
            let prefix = match self.peek() {
                Kind::Char(b'(') => Waiting::Parenthesis,
                Kind::Char(operator @ (b'~' | b'!')) => Waiting::Unary(operator),
                kind if is_text(kind) => break,
                _ => return self.unexpected(MANY),
            };
            let token = self.next();
            waiting.push(prefix);
            *states += 1;
            check_depth(*states, &token)?;
        }
        if *states + 1 >= MAX_DEPTH {
            let token = self.next();
            check_depth(*states + 1, &token)?;
        }
        self.text(Constants::Replaced)
    }

    /// The longest run of pieces, empty if there is none.
    fn text(&mut self, constants: Constants) -> Parsed<Text> {
        let mut text = Text::default();
        let mut first = None;
        while is_text(self.peek()) {
            let token = self.next();
            // The quotes belong to the text as written.
            let quote = usize::from(token.kind == Kind::Raw);
            first.get_or_insert(token.text.start - quote);
            text.span.end = self.piece(&token, constants, &mut text.bytes)? + quote;
        }
        text.span.start = first.unwrap_or(text.span.end);
        Ok(text)
    }

    /// Appends what `token` starts; returns where its writing ends.
    fn piece(&mut self, token: &Token, constants: Constants, into: &mut Vec<u8>) -> Parsed<usize> {
        let written = self.scanner.text(token);
        match token.kind {
            Kind::DollarCurly => return self.variable(into),
            Kind::Char(_) => return self.quoted(into),
            Kind::Constant if matches!(constants, Constants::Replaced) => {
                match self.names.constant(written) {
                    Some(value) => into.extend_from_slice(&value),
                    None => into.extend_from_slice(written),
                }
            }
            _ => into.extend_from_slice(written),
        }
        Ok(token.text.end)
    }

    /// Behind the opening quote.
    fn quoted(&mut self, into: &mut Vec<u8>) -> Parsed<usize> {
        loop {
            match self.peek() {
                Kind::DollarCurly => {
                    self.next();
                    self.variable(into)?;
                }
                Kind::Quoted => {
                    let token = self.next();
                    evaluate::unescape(self.scanner.text(&token), into);
                }
                Kind::Char(b'"') => return Ok(self.next().text.start + 1),
                _ => return self.unexpected(IN_QUOTES),
            }
        }
    }

    /// Behind `${`.
    fn variable(&mut self, into: &mut Vec<u8>) -> Parsed<usize> {
        let name = self.expect(Kind::VarName, &[Kind::VarName])?;
        let name = self.scanner.text(&name).to_vec();
        let found = self.names.variable(&name);
        if self.peek() == Kind::Fallback {
            let token = self.next();
            self.nested += 1;
            if self.nested > MAX_NESTED {
                check_depth(MAX_DEPTH, &token)?;
            }
            let fallback = self.text(Constants::Replaced)?.bytes;
            self.nested -= 1;
            into.extend_from_slice(found.as_deref().unwrap_or(&fallback));
        } else if let Some(value) = &found {
            into.extend_from_slice(value);
        }
        let close = self.expect(Kind::Char(b'}'), &[Kind::Char(b'}')])?;
        Ok(close.text.end)
    }
}

/// Whether names of constants are replaced; not in section names.
#[derive(Debug, Clone, Copy)]
enum Constants {
    Literal,
    Replaced,
}

fn is_text(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Raw
            | Kind::Constant
            | Kind::Number
            | Kind::String
            | Kind::Whitespace
            | Kind::DollarCurly
            | Kind::Char(b'"')
    )
}

fn check_depth(states: usize, token: &Token) -> Parsed<()> {
    if states < MAX_DEPTH {
        return Ok(());
    }
    Err(Unexpected {
        kind: None,
        expected: MANY,
        span: token.text.clone(),
    })
}

/// Gives `operand` to the operators that wait for it.
fn apply(waiting: &mut Vec<Waiting>, states: &mut usize, mut operand: Vec<u8>) -> Vec<u8> {
    loop {
        match waiting.last() {
            Some(&Waiting::Unary(operator)) => {
                operand = evaluate::unary(operator, &operand);
                *states -= 1;
            }
            Some(&Waiting::Binary(operator, left)) => {
                operand = evaluate::binary(operator, left, &operand);
                *states -= 2;
            }
            Some(Waiting::Parenthesis) | None => return operand,
        }
        waiting.pop();
    }
}
