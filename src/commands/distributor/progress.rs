//! A run's progress on the screen.

use std::sync::{Mutex, PoisonError};

use indicatif::ProgressBar;
use merits_distributor::progress::Event;

use crate::screen;

const READING: &str = "reading records";
const CHECKING: &str = "checking commitments";
const LOADING: &str = "loading the proving key";
const FORMING: &str = "forming batches";
const PROVING: &str = "proving";

/// One bar at a time: for reading, checking and loading, then for forming until the first proof
/// exists, then for proving.
#[derive(Default)]
pub(super) struct Bars(Mutex<Option<(&'static str, ProgressBar)>>);

impl Bars {
    pub(super) fn show(&self, event: Event) {
        match event {
            Event::Rows(rows) => {
                self.at(READING, screen::working, |bar| {
                    bar.set_message(format!("{READING}: {rows}"));
                });
            }
            Event::LoadingProver => self.at(LOADING, screen::working, |_| {}),
            Event::ProverLoaded => self.clear(),
            Event::Ingested { done, total } => self.counted(CHECKING, done, total),
            Event::Formed { done, total } => self.counted(FORMING, done, total),
            Event::Proved { done, total } => self.counted(PROVING, done, total),
            _ => {}
        }
    }

    pub(super) fn clear(&self) {
        let mut bar = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bar)) = bar.take() {
            bar.finish_and_clear();
        }
    }

    fn counted(&self, phase: &'static str, done: usize, total: usize) {
        let (done, total) = (done as u64, total as u64);
        self.at(
            phase,
            |phase| screen::progress(total, phase),
            |bar| {
                bar.set_length(total);
                bar.set_position(done);
            },
        );
    }

    /// Shows the bar of this phase instead of the previous one's.
    fn at(
        &self,
        phase: &'static str,
        make: impl FnOnce(&'static str) -> ProgressBar,
        update: impl FnOnce(&ProgressBar),
    ) {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = shown.as_ref().map(|(phase, _)| *phase);
        // Forming runs ahead of the proofs.
        if before == Some(PROVING) && phase == FORMING {
            return;
        }
        if before != Some(phase) {
            if let Some((_, old)) = shown.take() {
                old.finish_and_clear();
            }
            *shown = Some((phase, make(phase)));
        }
        if let Some((_, bar)) = shown.as_ref() {
            update(bar);
        }
    }
}
