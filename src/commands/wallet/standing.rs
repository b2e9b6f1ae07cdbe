//! The result of a redemption that got no voucher.

use merits_primitives::ids::EntryId;
use merits_wallet::net::RedemptionStanding as Standing;

/// What the person needs to know. `open` unless the log signed a refusal.
pub(super) fn told(standing: &Standing, id: &EntryId, exchange: &str, open: bool) -> String {
    let ask = format!(
        "`merits wallet voucher --redemption {id} --exchange {exchange}` asks for its voucher"
    );
    match standing {
        Standing::Spent { leaf } => format!(
            "the exchange gave no voucher, and the credits are spent: redemption {id} is in the log, at \
                 leaf {leaf}. The exchange owes its voucher: {ask}"
        ),
        Standing::NotYet { size } if open => format!(
            "the exchange gave no voucher. Redemption {id} is not in the log up to leaf {size}, so no \
                 credits are spent so far; the exchange has the redemption and could still submit it. Look \
                 with `merits wallet history` before you redeem again: if it shows the redemption, {ask}"
        ),
        Standing::NotYet { size } => format!(
            "the log refused the redemption, and does not have it up to leaf {size}: no credits were \
                 spent"
        ),
        Standing::Unknown { reason } => format!(
            "the exchange gave no voucher, and the credits may be spent: this wallet cannot look into \
                 the log now ({reason}). Later, `merits wallet history` shows whether redemption {id} is in \
                 it; if it is, {ask}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: EntryId = EntryId([0xab; 32]);

    fn said(synced: anyhow::Result<()>, leaf: Option<u64>, open: bool) -> String {
        let standing = Standing::of(synced, leaf, 812);
        told(&standing, &ID, "http://127.0.0.1:7740", open)
    }

    /// The log decides, whatever the exchange says.
    #[test]
    fn no_answer_of_the_exchange_hides_what_is_in_the_log() {
        for open in [true, false] {
            for synced in [Ok(()), Err(anyhow::anyhow!("no coordinator"))] {
                let said = said(synced, Some(811), open);
                assert!(said.contains("credits are spent"), "{said}");
                assert!(said.contains("leaf 811"), "{said}");
                let ask = format!("--redemption {ID} --exchange http://127.0.0.1:7740");
                assert!(said.contains(&ask), "{said}");
            }
        }
    }

    #[test]
    fn nothing_was_spent_only_if_the_log_refused_it() {
        let refused = said(Ok(()), None, false);
        assert!(refused.contains("no credits were spent"), "{refused}");
        let open = said(Ok(()), None, true);
        assert!(!open.contains("no credits were spent"), "{open}");
        assert!(open.contains("not in the log up to leaf 812"), "{open}");
        for open in [true, false] {
            let blind = said(Err(anyhow::anyhow!("no coordinator")), None, open);
            assert!(blind.contains("may be spent"), "{blind}");
            assert!(blind.contains("no coordinator"), "{blind}");
        }
    }
}
