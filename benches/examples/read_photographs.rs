//! Reads the photographs of a folder, and says how many gave the bytes that lie beside them; fails where fewer
//! than this many in a hundred did: `read_photographs FOLDER [PERCENT]`. `tests/photographs/measure.sh` makes the
//! photographs and runs it.
#![allow(clippy::print_stdout, reason = "a program")]

use std::{fs, io, path::PathBuf, process::ExitCode, time::Instant};

use merits_wallet::photograph::read_code;

fn main() -> io::Result<ExitCode> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let percent = match std::env::args().nth(2) {
        Some(percent) => percent.parse().map_err(io::Error::other)?,
        None => 0,
    };
    let mut pictures: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    pictures.retain(|path| {
        path.extension()
            .is_some_and(|end| end == "png" || end == "jpg")
    });
    pictures.sort();
    let (begun, mut right) = (Instant::now(), 0usize);
    for path in &pictures {
        let bytes = fs::read(path.with_extension("bytes"))?;
        let begun = Instant::now();
        match read_code(&fs::read(path)?) {
            Ok(read) if read == bytes => right += 1,
            Ok(_) => println!("{}: read wrong", path.display()),
            Err(fault) => println!("{} ({:?}): {fault}", path.display(), begun.elapsed()),
        }
    }
    println!(
        "merits: {right} of {} in {:.1} s",
        pictures.len(),
        begun.elapsed().as_secs_f64()
    );
    let enough = !pictures.is_empty() && right * 100 >= pictures.len() * percent;
    Ok(if enough {
        ExitCode::SUCCESS
    } else {
        println!("merits: too few, {percent} in a hundred are expected");
        ExitCode::FAILURE
    })
}
