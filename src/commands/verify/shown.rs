//! What a verified entry shows, in words, and what it rests on.

use merits_kit::{Said, ShownReceipt, Shows};
use merits_primitives::ids::Credits;
use merits_text::display::line;

use crate::screen::thousands;

/// Prints who signed the entry, what its proof shows, and what the entry alone cannot show.
pub(super) fn print(shown: &ShownReceipt) {
    if shown.signers.is_empty() {
        println!("signatures  none: a person made it, and its proof speaks alone");
    } else {
        let signers = shown.signers.iter().map(|signer| match signer.role {
            Some(role) => format!("{role} {}", signer.party),
            None => signer.party.to_string(),
        });
        let signers: Vec<String> = signers.collect();
        println!("signatures  yes: {}", signers.join(" and "));
    }
    match &shown.shows {
        Shows::EarnBatch {
            claims,
            scale,
            version,
            period,
            figures,
        } => {
            println!(
                "proof       yes: {claims} claims of {scale} version {version} follow its formula, \
                 period {period}"
            );
            for (name, value) in figures {
                println!("figure      {name} = {value}");
            }
        }
        Shows::Ticket {
            scale,
            version,
            period,
            source,
            terms,
        } => {
            println!(
                "proof       yes: a person consents to this distributor for {scale} version \
                 {version}, period {period}, records of {source}"
            );
            println!("terms       {terms}");
            rests("that the person was registered, and has no other ticket for the period");
        }
        Shows::Withdrawal { nullifier } => {
            println!(
                "proof       yes: the person who gave the consent with nullifier {nullifier} \
                 takes it back"
            );
            rests("that the person was registered still");
        }
        Shows::Redemption { offer, known } => {
            let known = known.as_ref();
            println!(
                "proof       yes: somebody spent {} credits{} on offer {}{}",
                known.map_or(Credits::ZERO, |known| known.price),
                known.map_or(String::new(), |known| format!(" of {}", known.scale)),
                offer.chars().take(16).collect::<String>(),
                known.map_or(String::new(), |known| format!(" ({:?})", known.title)),
            );
            rests("that the credits were earned, and are spent once");
        }
        Shows::Attestation {
            at_least,
            scale,
            expires,
        } => {
            println!(
                "proof       yes: somebody owned at least {} credits of {scale}, good until before \
                 {expires}",
                thousands(at_least.0)
            );
            rests("that the credits were earned and not spent before");
        }
        Shows::Statement { name, proof, says } => {
            match proof {
                Some(system) => println!("proof       yes: {system}"),
                None => println!("proof       none: entries of the kind `{name}` have none"),
            }
            for Said { what, value } in says {
                println!("{what:<11} {}", line(value));
            }
        }
    }
    print_marks(&shown.marks);
}

/// Prints what one supervisor alone decided of what was shown.
pub(super) fn print_marks(marks: &[String]) {
    for mark in marks {
        println!("note        {mark}");
    }
}

/// A kit has nothing about people and notes: what the log took is the log's word.
fn rests(what: &str) {
    println!(
        "not checked {what}: that is the log's word; a copy of the log shows it \
         (`merits audit replay`)"
    );
}
