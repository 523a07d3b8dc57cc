//! Statements about many rows at once.
//!
//! A statement is prepared for each number of rows it is told of, so there are few such numbers: rows to be
//! looked for are padded to one with repeats, which change nothing, and rows to be written go in pieces of
//! them.

use std::iter;

use sqlx::{Database, Encode, QueryBuilder, Type};

/// The most rows in a statement.
pub(super) const MOST: usize = 64;
/// Numbers of rows in a statement, the largest first.
const SIZES: [usize; 4] = [MOST, 16, 4, 1];

/// `rows` in pieces of few different lengths.
pub(super) fn pieces<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    let mut left = rows;
    iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| *size <= left.len())?;
        let (piece, rest) = left.split_at(size);
        left = rest;
        Some(piece)
    })
}

/// `keys` in pieces of at most [`MOST`], in their order, each padded with its last to one of few different
/// lengths.
pub(super) fn padded<T: Copy>(keys: impl IntoIterator<Item = T>) -> Vec<Vec<T>> {
    let keys: Vec<T> = keys.into_iter().collect();
    let pad = |piece: &[T]| {
        let size = SIZES.into_iter().rev().find(|size| *size >= piece.len()).unwrap_or(MOST);
        let last = piece.last().copied();
        piece.iter().copied().chain(last.into_iter().cycle().take(size - piece.len())).collect()
    };
    keys.chunks(MOST).map(pad).collect()
}

/// Adds a list in brackets, as it stands behind IN.
pub(super) fn push_list<'a, DB, T>(query: &mut QueryBuilder<DB>, items: impl IntoIterator<Item = T>)
where
    DB: Database,
    T: Encode<'a, DB> + Type<DB>,
{
    let mut list = query.push("(").separated(", ");
    for item in items {
        list.push_bind(item);
    }
    query.push(")");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_and_padding_lose_nothing_and_come_in_few_lengths(count in 0_usize..300) {
            let rows: Vec<usize> = (0..count).collect();
            prop_assert_eq!(&pieces(&rows).collect::<Vec<_>>().concat(), &rows);
            prop_assert!(pieces(&rows).all(|piece| SIZES.contains(&piece.len())));
            let padded = padded(rows.iter().copied());
            prop_assert!(padded.iter().all(|piece| SIZES.contains(&piece.len())));
            prop_assert!(padded.concat().is_sorted(), "what is locked in order is padded in order");
            prop_assert_eq!(padded.concat().into_iter().collect::<BTreeSet<_>>(), rows.into_iter().collect());
        }
    }
}
