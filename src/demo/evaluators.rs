//! The evaluators of the demonstration: they make the key of the tags together, and any two of them answer.

use anyhow::Context as _;
use merits_evaluator::{
    config::EvaluatorConfig,
    dealing::{Dealt, NewDealing},
};
use merits_party::machine_time;

use super::{
    federation::{EVALUATORS, Federation, evaluator_toml},
    servers::Servers,
};
use crate::screen::say;

/// How many of them must answer.
pub(super) const ANSWERS: u16 = 2;

/// All configurations.
pub(super) fn configs(federation: &Federation) -> anyhow::Result<Vec<EvaluatorConfig>> {
    let configs = (0..EVALUATORS)
        .map(|index| EvaluatorConfig::load(&federation.path(&evaluator_toml(index))));
    Ok(configs.collect::<Result<_, _>>()?)
}

/// The evaluators make the key, and serve.
pub(super) async fn serve(federation: &Federation, servers: &mut Servers) -> anyhow::Result<()> {
    let configs = configs(federation)?;
    let opener = configs.first().context("an evaluator")?;
    let new = NewDealing {
        needed: ANSWERS,
        holders: configs.iter().map(|config| config.name.clone()).collect(),
        dealers: Vec::new(),
        open_for: std::time::Duration::from_secs(3_600),
    };
    opener.open_dealing(&new, machine_time()).await?;
    // Each command goes as far as the others' messages allow.
    loop {
        let mut done = 0;
        for config in &configs {
            let dealt = config.deal(Some(&opener.name), None, false).await?;
            done += usize::from(matches!(dealt, Dealt::Done { .. }));
        }
        if done == configs.len() {
            break;
        }
    }
    say(&format!(
        "{EVALUATORS} evaluators make the key of people's tags together, in three rounds over the ledger: nobody ever has \
         it, and {ANSWERS} of them must answer for a tag.",
    ));
    for config in configs {
        let listener = merits_serve::listen(config.listen).await?;
        let service = config.service().await?;
        let stop = servers.stop(false);
        servers.spawn(async move {
            let (server, security) = (&config.server, config.ledger.security()?);
            merits_evaluator::net::serve(service, listener, server, &security, stop).await?;
            Ok(())
        });
    }
    Ok(())
}
