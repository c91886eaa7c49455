//! Input in pieces, as a network delivers it.

/// Takes the cuts off the front of `data` (their number, then a length each)
/// and cuts the rest: what the rest is, and its pieces.
pub(crate) fn pieces(data: &[u8]) -> (&[u8], Vec<&[u8]>) {
    let Some((&count, rest)) = data.split_first() else {
        return (data, Vec::new());
    };
    let count = usize::from(count % 8).min(rest.len());
    let (lengths, wire) = rest.split_at(count);
    let mut pieces = Vec::with_capacity(count + 1);
    let mut left = wire;
    for &length in lengths {
        let (piece, next) = left.split_at(usize::from(length).min(left.len()));
        pieces.push(piece);
        left = next;
    }
    pieces.push(left);
    (wire, pieces)
}
