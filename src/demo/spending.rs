//! The demonstration's last part: one person reads, redeems, and shows what is left; the books balance.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use merits_party::machine_time;
use merits_primitives::ids::{Credits, Expiry};
use merits_supervisor::net::Supervisor;
use merits_wallet::{net::scan, photograph::read_code, view::OwnNote};

use super::{
    SPONSOR_TOML, Story, federation::Federation, people::People,
    sight::VERIFIER as VERIFIER_FOLDER, typed,
};
use crate::screen::{say, step};

/// Vouchers of the demonstration's offer.
const QUOTA: u32 = 3;

/// The verifier that asks what the person owns.
const VERIFIER: &str = "parking-office";

/// Plays it.
pub(super) async fn play(
    federation: &Federation,
    people: &People,
    supervisor: &Supervisor,
    story: &mut Story,
) -> anyhow::Result<()> {
    let person = people.first()?;
    let wallet = person.wallet().display().to_string();
    step(12, "A person reads their own credits");
    say(
        "From the seed and the public ledger alone, in a copy that the wallet verifies itself. The \
         distributor's help is not needed, and nobody else can do it.",
    );
    typed(&["wallet", "credits", "--dir", &wallet]).await?;

    step(13, "The person redeems");
    anchored(supervisor).await?;
    let Some(spendable) = dearest(people, supervisor)? else {
        say(
            "This person earned nothing that can be spent: try another --scale or more --subjects.",
        );
        return conserve(federation).await;
    };
    let price = Credits(spendable.value.0.div_ceil(2));
    let start = Instant::now();
    offer(federation, spendable.expiry, price).await?;
    let offer = {
        supervisor.sync().await?;
        let replica = supervisor.follower().replica();
        let offers = replica.state()?.offers();
        let (id, _) = offers.iter().next().context("the offer is on the ledger")?;
        id.to_hex()[..16].to_owned()
    };
    let codes = federation
        .path("handover/vouchers.txt")
        .display()
        .to_string();
    let sponsor = federation.path(SPONSOR_TOML).display().to_string();
    let exchange = federation.path(super::EXCHANGE_TOML).display().to_string();
    let make = [
        "sponsor", "vouchers", "make", "--config", &sponsor, "--offer", &offer,
    ];
    typed(&[&make[..], &["--output", &codes]].concat()).await?;
    let stock = [
        "exchange", "stock", "--config", &exchange, "--offer", &offer,
    ];
    typed(&[&stock[..], &["--vouchers", &codes]].concat()).await?;
    federation.handed_file("exchange", "sponsor", Path::new(&codes))?;
    let address = super::federation::address(federation.exchange);
    let address = federation.recorded("wallets", &address)?;
    let address = address.trim_matches('"');
    let redeem = ["wallet", "redeem", "--dir", &wallet, "--offer", &offer];
    typed(&[&redeem[..], &["--exchange", address]].concat()).await?;
    story.redeeming = start.elapsed();
    say(
        "The exchange saw a proof that somebody registered owns notes of this scale that are worth \
         the price, and which notes can never be spent again; not who, not when they were earned. \
         Change went back to the same person. The voucher is sealed to a fresh key of the wallet.",
    );

    step(14, "The person shows what is left, offline");
    // The change, too.
    anchored(supervisor).await?;
    let left = (spendable.value.0 - price.0).to_string();
    let image = federation
        .path("handover/attestation.png")
        .display()
        .to_string();
    let attest = [
        "wallet",
        "attest",
        "--dir",
        &wallet,
        "--scale",
        &federation.pack.id,
    ];
    let asked = [
        "--at-least",
        &left,
        "--for",
        VERIFIER,
        "--nonce",
        "2026-0042",
    ];
    typed(&[&attest[..], &asked[..], &["--output", &image]].concat()).await?;
    supervisor.sync().await?;
    let kit = federation.path("kit").display().to_string();
    supervisor
        .follower()
        .replica()
        .write_kit(&federation.path("kit"))?;
    if federation.recorder.is_some() {
        // The picture is compressed: what it says is recorded.
        let picture = std::fs::read(&image).with_context(|| image.clone())?;
        let said = read_code(&picture).with_context(|| image.clone())?;
        federation.handed(VERIFIER_FOLDER, "wallets", "attestation.png", &said);
        for file in std::fs::read_dir(federation.path("kit"))? {
            federation.handed_file(VERIFIER_FOLDER, super::SUPERVISOR_FOLDER, &file?.path())?;
        }
    }
    let verify = ["verify", "attest", "--image", &image, "--kit", &kit];
    let asked = [
        "--for",
        VERIFIER,
        "--nonce",
        "2026-0042",
        "--allow-dev-keys",
    ];
    typed(&[&verify[..], &asked[..]].concat()).await?;

    conserve(federation).await
}

/// Waits until every note of the ledger lies under an anchor, and so can be spent. A fast machine
/// reaches this point within the second in which the last note was made.
async fn anchored(supervisor: &Supervisor) -> anyhow::Result<()> {
    supervisor.sync().await?;
    loop {
        {
            let replica = supervisor.follower().replica();
            let notes = replica.state()?.notes();
            let covered = notes.anchor(machine_time()).map_or(0, |anchor| anchor.size);
            if covered == notes.size() {
                return Ok(());
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn conserve(federation: &Federation) -> anyhow::Result<()> {
    step(15, "The books balance, for everybody to check");
    let sponsor = federation.path(SPONSOR_TOML).display().to_string();
    typed(&["audit", "conservation", "--ledger", &sponsor]).await
}

/// The most valuable note of the first person.
fn dearest(people: &People, supervisor: &Supervisor) -> anyhow::Result<Option<OwnNote>> {
    let replica = supervisor.follower().replica();
    let view = scan(&replica, people.first()?.keys())?;
    let worth = |note: &&OwnNote| note.value.0;
    let dearest = view.spendable().max_by_key(worth).cloned();
    Ok(dearest.filter(|note| note.value.0 > 0))
}

/// The sponsor's offer, of credits of this bucket.
async fn offer(federation: &Federation, expiry: Expiry, price: Credits) -> anyhow::Result<()> {
    let day = |days| machine_time().day().saturating_add(days);
    let text = format!(
        "scale = \"{}\"\nexpires = \"{}\"\nkind = \"goods\"\ntitle = \"A bicycle bell\"\n\
         description = \"Brass, with a mount for every handlebar.\"\nprice = {}\nquota = {QUOTA}\n\
         opens = \"{}\"\ncloses = \"{}\"\nper_day = 2\nexchanges = [\"{}\"]\n",
        federation.pack.id,
        expiry.label(),
        price.0,
        day(0),
        day(30),
        super::federation::EXCHANGE
    );
    let path = federation.path("sponsor/offer.toml");
    super::federation::write(&path, text.as_bytes())?;
    let sponsor = federation.path(SPONSOR_TOML).display().to_string();
    let file = path.display().to_string();
    typed(&[
        "sponsor", "offer", "publish", "--config", &sponsor, "--offer", &file,
    ])
    .await
}
