//! The demonstration's line up to the receipts, over a whole file, for `merits bench`.

use std::path::Path;

use anyhow::Context as _;
use merits_bench::WholeFile;

use super::{
    Arguments, Pack, Story,
    federation::{Federation, Owners},
    founding::{admit, found, open_epoch, publish},
    packs, people,
    servers::Servers,
};

/// Founds a federation under `data` (keys there are reused) and takes every row of `input`
/// through it, until each batch has its receipt.
pub(crate) async fn whole_file(data: &Path, input: &Path) -> anyhow::Result<WholeFile> {
    let arguments = Arguments {
        data_dir: data.to_owned(),
        scale: packs::DEFAULT.to_owned(),
        subjects: 0,
        all: true,
        input: Some(input.to_owned()),
        mapping: None,
        record: None,
    };
    let pack = Pack::named(packs::DEFAULT).context("the scale is shipped")?;
    // With a wallet for each person of a city, the wallets would be measured, so the accounts are
    // in custody.
    let federation = Federation::new(data, pack, Owners::Custody, None)?;
    let mut story = Story::default();
    let mut servers = Servers::new();
    let coordinator = found(&federation, &mut servers).await?;
    admit(&federation).await?;
    let board = open_epoch(&federation, &mut servers).await?;
    publish(&federation, &board, &mut story).await?;
    let played = people::played(&federation, input, None)?;
    let said = people::complete(played.iter().map(|group| group.period));
    drop(played);
    arguments
        .earn(&federation, (input, said), &mut story)
        .await?;
    servers.end().await?;
    drop(board);
    coordinator.shutdown().await?;
    Ok(WholeFile {
        signing: story.signing,
        receipts: story.receipts,
        summary: story.summary,
    })
}
