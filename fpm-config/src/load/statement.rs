//! One statement: a section, a value or an array entry.

use crate::diagnostic::{Code, Diagnostic, LogSeverity, Stage};
use crate::draft::{ArrayEntry, Section};
use crate::schema::{self, Directive, Id, Kind, Scope, Value, parse_value};
use crate::source::Span;
use crate::suggest;
use crate::syntax::Event;

use super::{Loader, Place, text};

/// The pattern of an `include` and where it stands.
pub(super) type Include = (Vec<u8>, Span);

const NO_POOL: &str = "Can't use '$pool' when the pool is not defined";

impl Loader<'_> {
    /// Takes in what a line says; an `include` is done behind the line.
    pub(super) fn statement(&mut self, event: &Event<'_>, place: Place<'_>) -> Option<Include> {
        match event {
            Event::Section {
                name,
                span,
                name_span: _,
            } => self.enter(name, place.span(span)),
            Event::Entry {
                name,
                name_span,
                value,
                value_span,
            } => {
                let name_span = place.span(name_span);
                let value_span = place.span(value_span);
                let Some(value) = value else {
                    self.missing_value(name, name_span, place);
                    return None;
                };
                if *name == b"include" {
                    return Some((value.to_vec(), value_span));
                }
                self.entry(name, value, name_span, value_span, place);
            }
            Event::Array {
                name,
                name_span,
                key,
                key_span,
                value,
                value_span,
            } => {
                let entry = ArrayEntry {
                    id: Id::Env,
                    key: key.to_vec(),
                    value: value.to_vec(),
                    key_span: place.span(key_span),
                    value_span: place.span(value_span),
                    name_span: place.span(name_span),
                };
                self.array(name, entry, place);
            }
            Event::Syntax { .. } => {}
        }
        None
    }

    fn enter(&mut self, name: &[u8], span: Span) {
        if name.eq_ignore_ascii_case(b"global") {
            self.section = None;
            let draft = self.draft.as_mut();
            if let Some(draft) = draft.filter(|draft| !draft.has_global_header) {
                draft.has_global_header = true;
                draft.global.header = span;
            }
        } else if let Some(draft) = &mut self.draft {
            let new = || Section::new(name.to_vec(), span);
            self.section = Some(draft.pool(name, new));
        }
    }

    fn scope(&self) -> Scope {
        match self.section {
            Some(_) => Scope::Pool,
            None => Scope::Global,
        }
    }

    /// `[file:line] ` as php-fpm starts its messages about statements.
    fn at(&self, place: Place<'_>, message: &[&[u8]]) -> Vec<u8> {
        let line = format!(":{}] ", self.counter);
        text(&[b"[", place.path, line.as_bytes(), &message.concat()])
    }

    fn refuse_statement(&mut self, diagnostic: Diagnostic) {
        self.taint();
        self.refuse(diagnostic);
    }

    fn missing_value(&mut self, name: &[u8], span: Span, place: Place<'_>) {
        let shown = String::from_utf8_lossy(name);
        let end = Span::new(span.file, span.end, span.end);
        let line = self.at(place, &[b"value is NULL for a ZEND_INI_PARSER_ENTRY"]);
        let message = format!("`{shown}` has no value");
        let refused = Diagnostic::new(Code::MissingValue, Stage::Parse, span, message)
            .line(LogSeverity::Error, line)
            .help("write `name = value`, or `name =` for an empty value");
        let known = schema::find(name, self.scope());
        let refused = match known {
            Some(_) => refused.fix("write an empty value", end, b" =".to_vec()),
            None => refused,
        };
        self.refuse_statement(refused);
    }

    fn entry(
        &mut self,
        name: &[u8],
        value: &[u8],
        name_span: Span,
        value_span: Span,
        place: Place<'_>,
    ) {
        let found = schema::find(name, self.scope()).filter(|directive| !directive.is_array());
        let Some(directive) = found.filter(|directive| self.is_known(directive)) else {
            let line = self.at(place, &[b"unknown entry '", name, b"'"]);
            self.unknown(name, found, name_span, line);
            return;
        };
        match self.value(directive, value) {
            Ok(value) => {
                let section = self.section;
                if let Some(draft) = &mut self.draft {
                    let section = draft.section(section);
                    section.write(directive.id, value, value_span);
                }
            }
            Err(why) => {
                let line = self.at(
                    place,
                    &[
                        b"unable to parse value for entry '",
                        directive.name.as_bytes(),
                        b"': ",
                        why.as_bytes(),
                    ],
                );
                self.invalid(directive, value, why, value_span, line);
            }
        }
    }

    /// Whether this version, on Linux, has the directive.
    fn is_known(&self, directive: &Directive) -> bool {
        let php = self.options.php;
        let since = directive.since;
        php.at_least(since.major(), since.minor()) && directive.id != Id::ListenSetfib
    }

    fn value(&mut self, directive: &Directive, text: &[u8]) -> Result<Value, &'static str> {
        let value = parse_value(directive.kind, text)?;
        match (directive.kind, value) {
            (Kind::Text | Kind::Path, Value::Text(text)) => self.expand(text).map(Value::Text),
            (_, value) => Ok(value),
        }
    }

    /// Puts the pool's name in the place of `$pool`.
    fn expand(&mut self, text: Vec<u8>) -> Result<Vec<u8>, &'static str> {
        if find(&text, b"$pool").is_none() {
            return Ok(text);
        }
        let section = self.section.ok_or(NO_POOL)?;
        let Some(draft) = &mut self.draft else {
            return Ok(text);
        };
        let pool = draft.section(Some(section));
        if find(&pool.name, b"$pool").is_some() {
            let message = "php-fpm replaces `$pool` in the pool's own name for ever";
            let span = pool.header;
            pool.tainted = true;
            self.refuse(Diagnostic::new(
                Code::EndlessPoolName,
                Stage::Parse,
                span,
                message,
            ));
            return Ok(text);
        }
        Ok(replace_all(&text, b"$pool", &pool.name))
    }

    fn unknown(&mut self, name: &[u8], newer: Option<&Directive>, span: Span, line: Vec<u8>) {
        let shown = String::from_utf8_lossy(name);
        let scope = self.scope();
        let refused = match newer.filter(|directive| directive.id != Id::ListenSetfib) {
            Some(directive) => {
                let (since, php) = (directive.since, self.options.php);
                let message = format!("`{shown}` came with PHP {since}, PHP {php} refuses it");
                Diagnostic::new(Code::NewerDirective, Stage::Parse, span, message)
            }
            None => {
                let message = format!("there is no directive `{shown}` in {}", section_name(scope));
                let unknown = Diagnostic::new(Code::UnknownDirective, Stage::Parse, span, message);
                suggest_name(unknown, name, scope, span)
            }
        };
        self.refuse_statement(refused.line(LogSeverity::Error, line));
    }

    fn invalid(
        &mut self,
        directive: &Directive,
        value: &[u8],
        why: &'static str,
        span: Span,
        line: Vec<u8>,
    ) {
        let shown = String::from_utf8_lossy(value);
        let shown: String = shown.chars().take(80).collect();
        let refused = if why == NO_POOL {
            let message = "`$pool` stands for nothing in [global]";
            Diagnostic::new(Code::PoolVariableInGlobal, Stage::Parse, span, message)
        } else {
            let (name, kind) = (directive.name, directive.kind.describe());
            let message = format!("`{shown}` is no value for `{name}`");
            let refused = Diagnostic::new(Code::InvalidValue, Stage::Parse, span, message)
                .help(format!("`{name}` takes: {kind}"));
            suggest::value_fix(refused, directive.kind, value, span)
        };
        self.refuse_statement(refused.line(LogSeverity::Error, line));
    }

    fn array(&mut self, name: &[u8], mut entry: ArrayEntry, place: Place<'_>) {
        if let Some(refused) = self.array_key(name, &entry, place) {
            self.refuse_statement(refused);
            return;
        }
        let name_span = entry.name_span;
        if self.section.is_none() {
            let shown = String::from_utf8_lossy(name);
            let message = format!("`{shown}[]` stands in [global], not in a pool");
            let line = self.at(place, &[b"Array are not allowed in the global section"]);
            let refused = Diagnostic::new(Code::ArrayInGlobal, Stage::Parse, name_span, message);
            self.refuse_statement(refused.line(LogSeverity::Error, line));
            return;
        }
        let found = schema::find(name, Scope::Pool).filter(|directive| directive.is_array());
        let Some(directive) = found.filter(|directive| self.is_known(directive)) else {
            let line = self.at(place, &[b"unknown directive '", name, b"'"]);
            self.unknown(name, found, name_span, line);
            return;
        };
        if directive.id == Id::Env && entry.value.is_empty() {
            let shown = String::from_utf8_lossy(&entry.key);
            let message = format!("the variable `{shown}` has an empty value");
            let line = self.at(place, &[b"empty value"]);
            let refused = Diagnostic::new(Code::ArrayValue, Stage::Parse, entry.key_span, message);
            self.refuse_statement(refused.line(LogSeverity::Error, line));
            return;
        }
        // Values may be long; those of flags, which may be refused, are not.
        let refused = match directive.kind {
            Kind::FlagArray => entry.value.clone(),
            _ => Vec::new(),
        };
        let value = std::mem::take(&mut entry.value);
        match self.array_value(directive, value) {
            Ok(value) => {
                entry.id = directive.id;
                entry.value = value;
                let section = self.section;
                if let Some(draft) = &mut self.draft {
                    draft.section(section).arrays.push(entry);
                }
            }
            Err(why) => {
                let parts: [&[u8]; 6] = [
                    b"error while parsing '",
                    name,
                    b"[",
                    &entry.key,
                    b"]' : ",
                    why.as_bytes(),
                ];
                let line = self.at(place, &parts);
                self.invalid(directive, &refused, why, entry.value_span, line);
            }
        }
    }

    /// php-fpm's checks of key and value that come before all others.
    fn array_key(
        &mut self,
        name: &[u8],
        entry: &ArrayEntry,
        place: Place<'_>,
    ) -> Option<Diagnostic> {
        let shown = String::from_utf8_lossy(name);
        let new = |code, span, message| Diagnostic::new(code, Stage::Parse, span, message);
        if name != b"access.suppress_path" || !self.options.php.at_least(8, 2) {
            if !entry.key.is_empty() {
                return None;
            }
            let message = format!("`{shown}[]` needs a key between the brackets");
            let line = self.at(place, &[b"You must provide a key for field '", name, b"'"]);
            let refused = new(Code::ArrayKey, entry.key_span, message);
            return Some(refused.line(LogSeverity::Error, line));
        }
        let keyed = (!entry.key.is_empty()).then(|| {
            let line = self.at(
                place,
                &[b"Keys provided to field 'access.suppress_path' are ignored"],
            );
            let message = format!("`{shown}[]` takes no key");
            new(Code::ArrayKey, entry.key_span, message)
                .line(LogSeverity::Error, line)
                .fix("take the key away", entry.key_span, Vec::new())
        });
        if entry.value.first() == Some(&b'/') {
            return keyed;
        }
        let line = self.at(
            place,
            &[b"Values provided to field 'access.suppress_path' must begin with '/'"],
        );
        let message = "a path to leave out of the log starts with `/`".to_owned();
        let refused = keyed.unwrap_or_else(|| new(Code::ArrayValue, entry.value_span, message));
        Some(refused.line(LogSeverity::Error, line))
    }

    fn array_value(
        &mut self,
        directive: &Directive,
        text: Vec<u8>,
    ) -> Result<Vec<u8>, &'static str> {
        if directive.kind != Kind::FlagArray {
            return self.expand(text);
        }
        match parse_value(directive.kind, &text)? {
            Value::Boolean(true) => Ok(b"1".to_vec()),
            _ => Ok(b"0".to_vec()),
        }
    }

    /// Keeps the one `include` of a line.
    pub(super) fn add_include(
        &mut self,
        include: &mut Option<Include>,
        found: Include,
        place: Place<'_>,
    ) {
        if include.is_none() {
            *include = Some(found);
            return;
        }
        let line = self.at(place, &[b"two includes at the same time !"]);
        let message = "the second `include` of one line";
        let refused = Diagnostic::new(Code::TwoIncludes, Stage::Parse, found.1, message);
        self.refuse_statement(refused.line(LogSeverity::Error, line));
    }
}

fn section_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Global => "[global]",
        Scope::Pool => "a pool",
    }
}

fn suggest_name(unknown: Diagnostic, name: &[u8], scope: Scope, span: Span) -> Diagnostic {
    let other = match scope {
        Scope::Global => Scope::Pool,
        Scope::Pool => Scope::Global,
    };
    if schema::find(name, other).is_some() {
        return unknown.help(format!("it belongs into {}", section_name(other)));
    }
    match suggest::directive_name(name, scope) {
        Some(near) => unknown.help(format!("did you mean `{near}`?")).fix(
            format!("write `{near}`"),
            span,
            near.as_bytes(),
        ),
        None => unknown,
    }
}

fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len())
        .position(|window| window == needle)
}

fn replace_all(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = find(rest, from) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}
