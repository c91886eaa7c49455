//! Lines put together from pieces, always the same ones.

use super::{Case, GLOBAL, POOL};

const PIECES: &[&str] = &[
    "env",
    "[",
    "]",
    "=",
    " ",
    "\t",
    "\"",
    "'",
    "a",
    "b1",
    "5",
    "-2",
    "1.5",
    "${FPM_TEST}",
    "${",
    "}",
    "|",
    "&",
    "^",
    "~",
    "!",
    "(",
    ")",
    ";",
    "yes",
    "no",
    "null",
    "E_ALL",
    "M_PI",
    "$",
    "$pool",
    "\\",
    ",",
    ":",
    ".",
    "#",
    "/",
    "\r",
    "user",
    "pm",
    "\u{e4}",
    "{",
    "[www]",
    "env[k]=",
    "env[k] = \"",
    "\\\"",
];

pub(crate) fn add(cases: &mut Vec<Case>) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |bound: usize| {
        // xorshift64: the corpus must be the same each time.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % bound as u64).expect("the bound is small")
    };
    for number in 0..1600 {
        let mut line = if number % 3 == 0 {
            String::new()
        } else {
            "env[k] = ".to_owned()
        };
        for _ in 0..=next(9) {
            line.push_str(PIECES[next(PIECES.len())]);
        }
        cases.push(Case::new(format!("{GLOBAL}{POOL}{line}\n")));
    }
}
