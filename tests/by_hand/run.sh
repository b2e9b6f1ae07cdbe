#!/usr/bin/env bash
# Runs docs/src/operations.md as somebody does who pastes it into a shell, block by block, from top to
# bottom. The commands are the page's and nothing else: where this needs free ports or another
# directory, it sets the variables that the page names.
#
#   tests/by_hand/run.sh [--keep DIR] [--fixtures DIR] [custody] [people]
#
# custody, people  which of the page's two federations; both, if neither is named
# --keep DIR       works in DIR, which must not be there yet, and leaves it
# --fixtures DIR   writes a kit and the receipt of a batch into DIR (tests/it/cli/federation)
#
# MERITS_KEY_STORE names a store of proving keys to share, as made by an earlier demo; without it the
# keys are made here, which takes some seconds each.
#
# A block marked `sh` must succeed, command by command; one marked `sh refused` holds commands, one a
# line, that must fail. A block marked `text` behind it has lines of what is printed, in order; `…`
# stands for anything, and lines that the page leaves out are not looked at. What the page does not
# show and must be so all the same is in checks/PART/SECTION.sh, which is run after the section.
set -eEu
_root=$(cd "$(dirname "$0")/../.." && pwd)
_page=$_root/docs/src/operations.md
_checks=$_root/tests/by_hand/checks
_fixtures=
_work=
_remove=
_parts=()
while [ $# -gt 0 ]; do
    case $1 in
    --keep) _work=$(realpath -m "$2") && shift ;;
    --fixtures) _fixtures=$(realpath -m "$2") && shift ;;
    custody | people) _parts+=("$1") ;;
    *)
        echo "unknown argument $1" >&2
        exit 2
        ;;
    esac
    shift
done
[ ${#_parts[@]} -gt 0 ] || _parts=(custody people)
[ -n "$_work" ] || { _work=$(mktemp -d) && rmdir "$_work" && _remove=$_work; }
mkdir -m 700 "$_work" "$_work/blocks"

# The settings that the page names.
source "$_root/tests/by_hand/ports.sh"
export MERITS_FEDERATION=$_work/federation
MERITS_PORT=$(free_ports)
export MERITS_PORT
if [ -n "${MERITS_KEY_STORE:-}" ]; then
    MERITS_KEY_STORE=$(cd "$_root" && realpath -m "$MERITS_KEY_STORE")
    export MERITS_KEY_STORE
fi

_finish() {
    local code=$? job
    trap - ERR
    set +e
    # What failed may have its output elsewhere.
    exec >&8 2>&9
    if [ "$code" -ne 0 ]; then
        echo "FAILED: ${_now:-before the first block}" >&2
        [ -z "${_out:-}" ] || cat "$_out" >&2
        find "$_work" -name '*.log' -exec tail -n 5 {} + >&2 || true
    fi
    for job in $(jobs -p); do kill "$job" 2>/dev/null || true; done
    wait 2>/dev/null || true
    [ -z "$_remove" ] || rm -rf "$_remove"
    exit "$code"
}
exec 8>&1 9>&2
trap _finish EXIT
trap 'echo "exit code $?: $BASH_COMMAND" >&2' ERR

# Parts the page: NUMBER.sh, NUMBER.text where there is one, and NUMBER.about with kind, part and
# section.
awk -v to="$_work/blocks" '
    function slug(text) {
        text = tolower(text)
        gsub(/[^a-z0-9]+/, "-", text)
        gsub(/^-|-$/, "", text)
        return text
    }
    !fenced && /^## / { part = slug(substr($0, 4)); section = "" }
    !fenced && /^### / { section = slug(substr($0, 5)) }
    /^```/ {
        if (fenced) { close(file); fenced = 0; next }
        fenced = 1
        name = sprintf("%s/%03d", to, count)
        if ($0 == "```sh" || $0 == "```sh refused") {
            name = sprintf("%s/%03d", to, ++count)
            print ($0 == "```sh" ? "run" : "refused"), part, section >(name ".about")
            close(name ".about")
            file = name ".sh"
        } else if ($0 == "```text" && count) {
            file = name ".text"
        } else {
            print "operations.md: a block of unknown kind: " $0 >"/dev/stderr"
            exit 1
        }
        next
    }
    fenced { print >file }
' "$_page"

expect() { # PATTERN COMMAND...: the command succeeds and prints the pattern.
    local pattern=$1 output
    shift
    output=$("$@" 2>&1) || { printf '%s\nFAILED: %s\n' "$output" "$*" >&2 && exit 1; }
    grep -Eq "$pattern" <<<"$output" || {
        printf '%s\nexpected from %s: %s\n' "$output" "$*" "$pattern" >&2
        exit 1
    }
}
refuse() { # PATTERN COMMAND...: the command fails and says why.
    local pattern=$1 output
    shift
    if output=$("$@" 2>&1); then
        printf '%s\nshould have been refused: %s\n' "$output" "$*" >&2
        exit 1
    fi
    grep -Eq "$pattern" <<<"$output" || {
        printf '%s\nexpected the reason: %s\n' "$output" "$pattern" >&2
        exit 1
    }
}
exits() { # CODE COMMAND...: the command ends with exactly this exit code.
    local wanted=$1 code=0
    shift
    "$@" || code=$?
    [ "$code" = "$wanted" ] || {
        printf 'exit code %s, expected %s: %s\n' "$code" "$wanted" "$*" >&2
        exit 1
    }
}
_step() { printf '\n== %4d s  %s\n' "$SECONDS" "$1"; }
# Whether the lines of the first file are in the second, in order.
_printed() {
    local line pattern found
    exec 3<"$2"
    while IFS= read -r line; do
        # A line of its own stands for any lines, which may be there anyway.
        [ -n "${line//…/}" ] || continue
        pattern=$(sed 's/[][*?\\]/\\&/g; s/…/*/g' <<<"$line")
        while IFS= read -r found <&3; do
            # shellcheck disable=SC2053 # a pattern
            [[ $found != $pattern ]] || continue 2
        done
        printf 'the page says that this is printed here, and it is not:\n%s\n' "$line" >&2
        return 1
    done <"$1"
    exec 3<&-
}
_check() {
    local check=$_checks/$1/${2:-}.sh
    [ -e "$check" ] || return 0
    _now="$check"
    source "$check" >"$_out" 2>&1
    touch "$_work/blocks/$1-$2.checked"
}

_out=$_work/blocks/out
_was=
for _about in "$_work"/blocks/*.about; do
    read -r _kind _part _section <"$_about"
    case $_part in
    before-you-begin) ;;
    in-custody) [[ " ${_parts[*]} " == *' custody '* ]] || continue ;;
    with-people) [[ " ${_parts[*]} " == *' people '* ]] || continue ;;
    *)
        echo "operations.md: no reader is told to paste the block in $_part: mark it otherwise" >&2
        exit 1
        ;;
    esac
    if [ "$_was" != "$_part $_section" ]; then
        # shellcheck disable=SC2086 # two words
        [ -z "$_was" ] || _check $_was
        _was="$_part $_section"
        _step "$_part: $_section"
    fi
    _block=${_about%.about}
    _now="$_part, $_section, block $(basename "$_block")"
    sed 's/^/$ /' "$_block.sh"
    cd "${_at:-$_root}"
    if [ "$_kind" = run ]; then
        source "$_block.sh" >"$_out" 2>&1 </dev/null
    else
        while IFS= read -r _line; do
            if eval "$_line" >>"$_out.refused" 2>&1 </dev/null; then
                echo "should have been refused: $_line" >&2
                exit 1
            fi
        done <"$_block.sh"
        mv "$_out.refused" "$_out"
    fi
    _at=$PWD
    cat "$_out"
    _last=$_block.out
    cp "$_out" "$_last"
    [ ! -e "$_block.text" ] || _printed "$_block.text" "$_out"
done
# shellcheck disable=SC2086 # two words
_check $_was
for _part in "${_parts[@]}"; do
    for _about in "$_checks"/*"$_part"/*.sh; do
        _name=$(basename "$(dirname "$_about")")-$(basename "$_about" .sh)
        [ -e "$_work/blocks/$_name.checked" ] || {
            echo "the page has no section for $_about" >&2
            exit 1
        }
    done
done
_step 'all as the page says'
