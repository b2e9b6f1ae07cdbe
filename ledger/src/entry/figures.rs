//! The encoding of a scale's figures. Its limits are those of [`Figures::check`], which the state
//! checks as well; here they keep a decoder from allocating memory for impossible sizes.

use merits_primitives::figures::{
    Figure, Figures, MAX_CHANGES, MAX_FIGURE_NAME, MAX_FIGURES, MAX_SCHEDULES,
};
use merits_verifier::codec::{CodecError, Reader, Writer};

/// Most public numbers of a statement: every figure dated, every schedule used.
pub(super) const MAX_NUMBERS: usize = 2 * MAX_FIGURES + MAX_SCHEDULES;

pub(super) fn write_figures(out: &mut Writer, figures: &Figures) {
    out.count(figures.figures.len());
    for figure in &figures.figures {
        out.text(&figure.name);
        out.u8(figure.exponent);
        out.u64(figure.low);
        out.u64(figure.high);
        out.option(figure.schedule.as_ref(), |out, schedule| out.u16(*schedule));
        out.count(figure.values.len());
        figure.values.iter().for_each(|value| out.u64(*value));
    }
    out.count(figures.schedules.len());
    for days in &figures.schedules {
        out.count(days.len());
        days.iter().for_each(|day| out.u32(*day));
    }
}

pub(super) fn read_figures(input: &mut Reader<'_>) -> Result<Figures, CodecError> {
    let count = input.count("figures", MAX_FIGURES)?;
    let figures = (0..count).map(|_| read_figure(input));
    let figures = figures.collect::<Result<_, _>>()?;
    let count = input.count("schedules", MAX_SCHEDULES)?;
    let schedules = (0..count).map(|_| {
        let days = input.count("schedule", MAX_CHANGES)?;
        (0..days).map(|_| input.u32("change day")).collect()
    });
    Ok(Figures {
        figures,
        schedules: schedules.collect::<Result<_, _>>()?,
    })
}

fn read_figure(input: &mut Reader<'_>) -> Result<Figure, CodecError> {
    Ok(Figure {
        name: input.text("figure name", MAX_FIGURE_NAME)?,
        exponent: input.u8("figure exponent")?,
        low: input.u64("figure low")?,
        high: input.u64("figure high")?,
        schedule: input.option("figure schedule", |input| input.u16("figure schedule"))?,
        values: {
            let count = input.count("figure values", MAX_CHANGES + 1)?;
            (0..count)
                .map(|_| input.u64("figure value"))
                .collect::<Result<_, _>>()?
        },
    })
}
