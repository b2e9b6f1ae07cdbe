//! Statement `ticket` (`docs/src/statement-ticket.md`): a registered person states a message, once
//! per scope, about deeds that are bound to b.
//!
//! The public inputs, in order: root, scope, nullifier, b, message, pstart.

use alloc::{vec, vec::Vec};

use merits_primitives::{
    Fr, calendar::Day, group::GroupRoot, message::Message, nullifier::Nullifier,
    owner::RecordsBinding, scope::Scope,
};

use super::Statement;
use super::StatementError;

/// Position of the group's root.
pub const ROOT: usize = 0;
/// Position of the scope.
pub const SCOPE: usize = 1;
/// Position of the nullifier.
pub const NULLIFIER: usize = 2;
/// Position of b.
pub const BINDING: usize = 3;
/// Position of the message.
pub const MESSAGE: usize = 4;
/// Position of the period's first day.
pub const START: usize = 5;
/// Public inputs.
pub const INPUTS: usize = 6;

/// The whole statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TicketStatement {
    /// Root of the group of registered people.
    pub root: GroupRoot,
    /// The range within which the nullifier is unique.
    pub scope: Scope,
    /// nf = Pos2(scope, secret).
    pub nullifier: Nullifier,
    /// b = P(BIND; K, h)\[0\].
    pub b: RecordsBinding,
    /// The message: a consent, a withdrawal, a link.
    pub message: Message,
    /// First day of the period: the person's leaf is eligible from
    /// that day at the latest.
    pub start: Day,
}

impl Statement for TicketStatement {
    fn public_inputs(&self) -> Vec<Fr> {
        vec![
            self.root.0,
            self.scope.0,
            self.nullifier.0,
            self.b.0,
            self.message.0,
            Fr::from(u64::from(self.start.0)),
        ]
    }

    fn check(&self) -> Result<(), StatementError> {
        Ok(())
    }
}
