//! What becomes of one field name.

/// What becomes of a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Class {
    /// `HTTP_*`.
    Variable,
    /// `HTTP_COOKIE`: repeated values are joined by `; `.
    Cookie,
    /// `CONTENT_TYPE`.
    ContentType,
    /// Credentials for the application.
    Authorization,
    /// Never a variable of its own.
    Dropped,
    /// Holds a byte that a variable's name cannot carry.
    Unsafe,
}

/// Decides by `name`, in any case.
pub(super) fn classify(name: &[u8]) -> Class {
    // All bytes are looked up, and none branched on: names are short.
    let safe = name.iter().fold(true, |safe, &byte| {
        safe & (VARIABLE_BYTE[usize::from(byte)] != 0)
    });
    if name.is_empty() || !safe {
        return Class::Unsafe;
    }
    let (candidate, class): (&[u8], _) = match name.len() {
        2 => (b"te", Class::Dropped),
        5 => (b"proxy", Class::Dropped),
        6 => (b"cookie", Class::Cookie),
        7 if matches!(name[0], b't' | b'T') => (b"trailer", Class::Dropped),
        7 => (b"upgrade", Class::Dropped),
        10 if matches!(name[0], b'c' | b'C') => (b"connection", Class::Dropped),
        10 => (b"keep-alive", Class::Dropped),
        12 => (b"content-type", Class::ContentType),
        13 => (b"authorization", Class::Authorization),
        14 => (b"content-length", Class::Dropped),
        16 => (b"proxy-connection", Class::Dropped),
        17 => (b"transfer-encoding", Class::Dropped),
        19 => (b"proxy-authorization", Class::Dropped),
        _ => return Class::Variable,
    };
    if name.eq_ignore_ascii_case(candidate) {
        class
    } else {
        Class::Variable
    }
}

/// What stands before the name of a field in its variable.
pub(super) const PREFIX: &[u8] = b"HTTP_";

/// Writes the variable of field `name` into `variable`, which is
/// [`PREFIX`] longer.
pub(super) fn write_variable(name: &[u8], variable: &mut [u8]) {
    let (prefix, rest) = variable.split_at_mut(PREFIX.len());
    prefix.copy_from_slice(PREFIX);
    for (target, &byte) in rest.iter_mut().zip(name) {
        *target = VARIABLE_BYTE[usize::from(byte)];
    }
}

/// Whether `variable` is the one of field `name`.
pub(super) fn is_variable_of(variable: &[u8], name: &[u8]) -> bool {
    variable.strip_prefix(PREFIX).is_some_and(|rest| {
        rest.len() == name.len()
            && rest
                .iter()
                .zip(name)
                .all(|(&have, &byte)| have == VARIABLE_BYTE[usize::from(byte)])
    })
}

/// What each byte of a field name becomes in a variable; 0: it cannot.
static VARIABLE_BYTE: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = match byte {
            b'-' => b'_',
            _ if byte.is_ascii_alphanumeric() => byte.to_ascii_uppercase(),
            _ => 0,
        };
        byte += 1;
    }
    table
};
