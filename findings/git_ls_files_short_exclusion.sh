#!/usr/bin/env bash
# In `git ls-files`, an exclusion that is shorter than the folder of the only pattern excludes everything.
#
# `git ls-files -- 'sources/*' ':(exclude)documents'` lists the files below sources.
# `git ls-files -- 'sources/*' ':(exclude)docs'` lists none, though nothing below sources is in docs, and ends
# with 0: what counts is that `docs` is shorter than `sources/`. With a second pattern in another folder, or
# with `sources` instead of `sources/*`, the files are there again. A digest over such a list is that of
# nothing, and never changes.
#
# Seen with git 2.47.3, 2026-11-30. Met by scripts that decide by a list of inputs whether a step has to run
# again: leave the exclusion out, or filter afterwards, and refuse an empty list.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
git init -q .
mkdir sources docs documents
echo 1 >sources/a.c
echo 2 >sources/b.c
echo 3 >docs/a.txt
echo 4 >documents/a.txt
git add .
count() { git ls-files -- "$@" | wc -l; }
alone=$(count 'sources/*')
long=$(count 'sources/*' ':(exclude)documents')
short=$(count 'sources/*' ':(exclude)docs')
folder=$(count sources ':(exclude)docs')
echo "alone: $alone, without documents: $long, without docs: $short, as a folder without docs: $folder"
[ "$alone $long $short $folder" = '2 2 0 2' ]
