#!/usr/bin/env bash
# A file that is locked with std's `File::try_lock` and then dropped can still be locked.
#
# The lock (flock) belongs to the open file description. A child process that another thread starts has a
# copy of every descriptor until it calls exec, also of those that are marked close-on-exec. So in a
# program that starts children, `drop(file)` ends the lock some time later, and taking it again at once
# fails with `WouldBlock` although nobody has it. `file.unlock()` before the drop ends it at once.
#
# A guess would be: std opens files close-on-exec, so no child inherits the lock, and dropping the `File`
# ends it. That is so only from exec on.
#
# Seen with: rustc 1.95.0, Linux 6, x86_64. Date: 2026-12-01.
# Who meets it: servers and tests with lock files that are reopened while other threads start processes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >main.rs <<'RUST'
use std::{
    fs::{File, OpenOptions},
    os::unix::process::CommandExt as _,
    process::Command,
    thread,
    time::Duration,
};

fn open() -> File {
    OpenOptions::new().write(true).create(true).truncate(false).open("lock").unwrap()
}

/// Whether the lock is free after its owner let go, while a child is between fork and exec.
fn free_after(let_go: impl FnOnce(File)) -> bool {
    let held = open();
    held.try_lock().unwrap();
    let child = thread::spawn(|| {
        let mut command = Command::new("true");
        // Makes the short time between fork and exec a long one.
        unsafe { command.pre_exec(|| { thread::sleep(Duration::from_secs(1)); Ok(()) }) };
        command.status().unwrap()
    });
    thread::sleep(Duration::from_millis(300));
    let_go(held);
    let free = open().try_lock().is_ok();
    child.join().unwrap();
    free
}

fn main() {
    let dropped = free_after(drop);
    let unlocked = free_after(|file| file.unlock().unwrap());
    println!("free after drop: {dropped}; free after unlock and drop: {unlocked}");
    std::process::exit(i32::from(dropped || !unlocked));
}
RUST
rustc --edition 2024 -O main.rs -o main 2>&1
./main
