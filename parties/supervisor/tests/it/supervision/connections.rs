//! A partial of an opening is for the supervisor that asked the log, over its own connection. That
//! of a total is for everybody.

use merits_primitives::ids::PartyId;
use merits_proto::{Expected, Reason};
use merits_supervisor::net::{HolderClient, HolderError};
use merits_tls::{Subject, issue::Made};

use crate::{
    supervision::{
        memory_log::{CREDITS, DISTRIBUTOR, Federation, NOW, SUPERVISOR, WITNESS, origin},
        over_the_wire::{Shared, serve_over},
    },
    tls::{DAY, Files, Wish, authority, ledger_key, now},
};
use merits_supervisor::totals::TotalSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum With {
    Nothing,
    Own,
    Expired,
    Forged,
}

/// Files of a caller. The parties of this log have one key, and the holder's clock is at `NOW`.
fn files(party: PartyId, with: With, by: &Made) -> Files {
    let own = Wish {
        origin: origin(),
        subject: Subject::Party(party),
        signer: ledger_key(9),
        at: NOW,
        ..Wish::of(9)
    };
    let wish = match with {
        With::Nothing => return Files::of_nobody(by),
        With::Own => own,
        With::Expired => Wish {
            at: NOW - DAY * 60,
            days: (30, 365),
            ..own
        },
        With::Forged => Wish {
            signer: ledger_key(8),
            ..own
        },
    };
    Files::of(&wish, by, by)
}

fn told(error: &HolderError) -> (Option<Reason>, String) {
    match error {
        HolderError::Refused { fault, .. } => (fault.reason.known(), fault.field.to_string()),
        other => panic!("refused, not {other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openings_are_for_their_requester_and_totals_for_everybody() {
    let mut fed = Federation::new();
    let entry = fed.append_batch(&[1627, 0, 22_781]);
    let ask = fed.append_request(entry, 2, SUPERVISOR);
    fed.cut();
    let total = TotalSet::check(&fed.log, CREDITS, 0).unwrap().ask(&fed.log);
    let mut unknown = ask.clone();
    unknown.request.0[0] ^= 1;
    let log = Shared::new(&fed.log);
    let by = authority(now());
    let own = Wish {
        origin: origin(),
        subject: Subject::Party(WITNESS),
        signer: ledger_key(9),
        ..Wish::of(9)
    };
    let server = Files::of(&own, &by, &by);
    let (address, _stop) = serve_over(fed.witness, &log, server.security()).await;
    for (party, with) in [
        (SUPERVISOR, With::Nothing),
        (SUPERVISOR, With::Own),
        (SUPERVISOR, With::Expired),
        (SUPERVISOR, With::Forged),
        (WITNESS, With::Own),
        (DISTRIBUTOR, With::Own),
        // A party that the log does not know.
        (PartyId([77; 32]), With::Own),
    ] {
        let caller = files(party, with, &by);
        let connected =
            HolderClient::connect_over(&address, caller.security(), Expected::AnyServer).await;
        let mut holder = connected.unwrap();
        let cell = format!("{party} with {with:?}");
        let opened = holder.opening(&ask).await;
        if party == SUPERVISOR && with == With::Own {
            assert!(opened.is_ok(), "{cell}: {opened:?}");
        } else {
            let certificate = (Some(Reason::SignatureInvalid), "certificate".to_owned());
            assert_eq!(told(&opened.unwrap_err()), certificate, "{cell}");
        }
        // Nobody without a certificate learns whether a request is in the log.
        let missing = told(&holder.opening(&unknown).await.unwrap_err());
        let field = if with == With::Nothing {
            "certificate"
        } else {
            "request"
        };
        assert_eq!(missing.1, field, "{cell}");
        let total = holder.total(&total).await;
        assert!(total.is_ok(), "{cell}: {total:?}");
    }
    // Suspended while its connection is open.
    let caller = files(SUPERVISOR, With::Own, &by);
    let connected = HolderClient::connect_over(&address, caller.security(), Expected::AnyServer);
    let mut holder = connected.await.unwrap();
    holder.opening(&ask).await.unwrap();
    log.suspend(SUPERVISOR);
    let refused = told(&holder.opening(&ask).await.unwrap_err());
    assert_eq!(refused.0, Some(Reason::PartySuspended));
}
