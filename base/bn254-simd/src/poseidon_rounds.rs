//! The parameters of Poseidon's permutation, as the caller gives them.

use ark_bn254::Fr;

/// The steps of a permutation of states of `T` elements, in this order.
#[derive(Clone, Debug)]
pub struct Rounds<const T: usize> {
    /// Constants of the full rounds before the partial ones.
    pub before: Vec<[Fr; T]>,
    /// The matrix of every full round but the last of [`before`](Self::before), row by row.
    pub mds: [[Fr; T]; T],
    /// The matrix of the last round of [`before`](Self::before).
    pub entry: [[Fr; T]; T],
    /// Constants of the first partial round.
    pub first: [Fr; T],
    /// Partial rounds.
    pub partial: Vec<PartialRound<T>>,
    /// Constants of the full rounds after the partial ones.
    pub after: Vec<[Fr; T]>,
}

/// A partial round: the S-box and a constant for element 0, then a matrix that is zero except in its
/// first row, its first column, and the ones on the diagonal.
#[derive(Clone, Debug)]
pub struct PartialRound<const T: usize> {
    /// The constant that is added to element 0 after the S-box.
    pub constant: Fr,
    /// The first row.
    pub row: [Fr; T],
    /// The first column. Its first element is not read, because it is the row's first element.
    pub column: [Fr; T],
}
