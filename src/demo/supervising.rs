//! The demonstration's strangers and supervisors: verify, open one claim, open a total.

use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use merits_clearing::config::ClearingConfig;
use merits_ledger::entry::EARN_BATCH;
use merits_party::machine_time;
use merits_primitives::ids::{EntryId, Epoch, Output, Period};
use merits_sponsor::config::SponsorConfig;
use merits_supervisor::{
    net::{SessionError, Supervisor, SupervisorError},
    request::RequestFile,
};

use super::{
    CLEARING_TOML, DISTRIBUTOR_TOML, SPONSOR_TOML, Story,
    federation::{Federation, LEAST_CLAIMS, SPONSOR},
    members::NEEDED,
    sight::DISCLOSURE,
    typed,
};
use crate::{
    commands::distributor,
    screen::{progress, say, step, thousands},
};

pub(super) async fn verify_by_strangers(
    federation: &Federation,
    story: &mut Story,
) -> anyhow::Result<()> {
    step(9, "Strangers verify");
    let start = Instant::now();
    let report = SponsorConfig::load(&federation.path(SPONSOR_TOML))?
        .verify()
        .await?;
    story.sponsor = start.elapsed();
    ensure!(
        report.faults.is_empty(),
        "the sponsor found faults: {:?}",
        report.faults
    );
    say(&format!(
        "{SPONSOR} follows the log into its own copy and checks all {} batches twice: over gRPC \
         with the coordinator's Verifier, and offline by receipt, signature and proof. It saw {}; \
         it did not see {}.",
        report.batches,
        report.seen().saw,
        report.seen().hidden
    ));
    let start = Instant::now();
    let report = ClearingConfig::load(&federation.path(CLEARING_TOML))?
        .audit()
        .await?;
    story.clearing = start.elapsed();
    ensure!(
        report.is_clean(),
        "the clearing bank found faults: {report:?}"
    );
    say(&format!(
        "The clearing bank verifies them all in one batch and keeps the books: {} claims.",
        thousands(report.batches.claims)
    ));
    Ok(())
}

pub(super) async fn open_one_claim(
    federation: &Federation,
    supervisor: &Supervisor,
    story: &mut Story,
) -> anyhow::Result<()> {
    step(
        10,
        "Supervisors and log witnesses open one claim, with a trace",
    );
    supervisor.sync().await?;
    supervisor
        .follower()
        .replica()
        .write_kit(&federation.path("kit"))?;
    let entry = first_batch(supervisor)?.context("the ledger has a batch")?;
    let basis = "Demonstration: sampling of one claim by the regulator";
    let requested = supervisor.open_claim(entry, 0, basis, machine_time()).await;
    let (request, alone) = match requested {
        Err(SupervisorError::Session(SessionError::Requested { file, source, .. }))
            if matches!(*source, SessionError::NotEndorsed { .. }) =>
        {
            (file, source)
        }
        Err(error) => return Err(error.into()),
        Ok(_) => bail!("one supervisor opened a claim alone"),
    };
    let [first, second, ..] = federation.supervisors.as_slice() else {
        bail!("a board has two members or more");
    };
    say(&format!(
        "{} requests to open the first claim, and gives the content to the others of the board. It can do nothing \
         alone: {alone}.",
        first.name
    ));
    say(&format!(
        "{} looks at the request, and agrees:",
        second.name
    ));
    let (config, file) = (
        federation.path(&second.toml()),
        request.display().to_string(),
    );
    let config = config.display().to_string();
    federation.handed_file(&second.folder, super::SUPERVISOR_FOLDER, &request)?;
    typed(&["supervisor", "endorse-opening", "--config", &config, &file]).await?;
    let start = Instant::now();
    let opened = supervisor.session().await?.resume(&request).await?;
    supervisor.sync().await?;
    story.opening = start.elapsed();
    let distributor = distributor::open(&federation.path(DISTRIBUTOR_TOML)).await?;
    let disclosure = federation.path("handover").join(DISCLOSURE);
    let shown = RequestFile::asked(&request)?;
    // The distributor gets the request as it was asked, and not what was opened.
    let (id, content) = &shown;
    let asked = format!(
        "{}\n{}\n{}\n",
        id.to_hex(),
        content.entry.to_hex(),
        content.basis
    );
    federation.handed(
        "distributor",
        super::SUPERVISOR_FOLDER,
        "request",
        asked.as_bytes(),
    );
    let disclosed = distributor
        .disclose(entry, 0, Some(&shown), &disclosure)
        .await;
    distributor.close(disclosed).await?;
    federation.handed_file(super::SUPERVISOR_FOLDER, "distributor", &disclosure)?;
    let checked = supervisor.check(&request, &disclosure)?;
    let result = RequestFile::read(&request)?.opened().context("a result")?;
    ensure!(
        result.earned == checked.earned,
        "opened and recomputed credits differ"
    );
    story.opened = Some(result.handle);
    say(&format!(
        "The request of {} is on the ledger (entry {}), hiding which claim it is about. Each holder of a share \
         that is there finds it, and who endorsed it, in a copy of the log that it verified itself. It answers, sealed to the requester, with \
         a proof that it used its share. {NEEDED} supervisors and {NEEDED} log witnesses must answer; one machine of \
         each side is off, and that changes nothing. Opened: {} and the pseudonym. The hash of that result goes on the \
         ledger (entry {}).",
        supervisor.config().holder.name,
        short(&opened.request),
        federation.words(&result.earned),
        short(&opened.completion)
    ));
    say(&format!(
        "{} then discloses {} records and the salt of this claim: they open the commitment on the \
         ledger, and the formula gives the same {}. The other claims stay closed.",
        federation.pack.distributor,
        checked.records,
        federation.words(&checked.earned)
    ));
    Ok(())
}

pub(super) async fn open_total(
    federation: &Federation,
    supervisor: &Supervisor,
    story: &mut Story,
) -> anyhow::Result<()> {
    step(11, "A total, opened for everybody");
    let Some((period, claims)) = largest_period(supervisor)? else {
        say(&format!(
            "No {} has the {LEAST_CLAIMS} claims that a total must cover, so none is opened: a \
             sum over few people would say too much about each. More people are needed: a larger \
             --subjects, or a larger file.",
            federation.period_word()
        ));
        return Ok(());
    };
    let bar = progress(1, "adding ciphertexts, opening the sum");
    let published = supervisor
        .total(&federation.pack.id, period, Epoch(1), Output::Credits)
        .await?;
    let measured = match federation.manifest.measure() {
        Some(measure) => {
            let total = supervisor
                .total(&federation.pack.id, period, Epoch(1), Output::Measure)
                .await?;
            format!(", and {} {}", thousands(total.total.sum.0), measure.unit)
        }
        None => String::new(),
    };
    bar.finish_and_clear();
    let report = ClearingConfig::load(&federation.path(CLEARING_TOML))?
        .audit()
        .await?;
    ensure!(
        report.is_clean() && !report.totals.is_empty(),
        "the clearing bank refuses the total: {report:?}"
    );
    say(&format!(
        "The {claims} claims of {} add up to {} {}{measured}. Only the sum of the ciphertexts was \
         opened, by {NEEDED} holders of each side; the clearing bank checks it from the log alone, and so can anyone.",
        period.label(),
        thousands(published.total.sum.0),
        federation.manifest.unit(),
    ));
    story.opened_total = Some((period, claims, published.total.sum));
    Ok(())
}

fn first_batch(supervisor: &Supervisor) -> anyhow::Result<Option<EntryId>> {
    let replica = supervisor.follower().replica();
    for leaf in replica.leaves() {
        let entry = leaf?.1.entry;
        if entry.kind == EARN_BATCH {
            return Ok(Some(entry.id()));
        }
    }
    Ok(None)
}

/// The period with the most claims, if they are enough for a total.
fn largest_period(supervisor: &Supervisor) -> anyhow::Result<Option<(Period, u64)>> {
    let replica = supervisor.follower().replica();
    let totals = replica.state()?.totals();
    let unopened = totals.summaries()?.into_iter();
    Ok(unopened
        .map(|(key, sums)| (key.period, sums.unopened_claims))
        .max_by_key(|(_, claims)| *claims)
        .filter(|(_, claims)| *claims >= u64::from(LEAST_CLAIMS)))
}

fn short(id: &EntryId) -> String {
    id.to_hex()[..16].to_owned()
}
