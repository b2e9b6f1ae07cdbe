# What the scripts beside this one share: servers that end with the script, and commands that must
# succeed or be refused. Sourced with $work set (and $remove, if it shall go at the end).

servers=()
finish() {
    local code=$?
    for server in "${servers[@]}"; do
        kill "$server" 2>/dev/null || true
    done
    if [ $code -ne 0 ]; then
        echo "FAILED; the last lines of the servers' logs:" >&2
        tail -n 5 "$work"/*.log >&2 || true
    fi
    wait 2>/dev/null || true
    [ -z "${remove:-}" ] || rm -rf "$remove"
    exit $code
}
trap finish EXIT

step() { printf '\n== %4d s  %s\n' "$SECONDS" "$1"; }
# expect PATTERN COMMAND...: the command succeeds and prints the pattern.
expect() {
    local pattern=$1 output
    shift
    output=$("$@" 2>&1) || {
        printf '%s\nFAILED: %s\n' "$output" "$*" >&2
        exit 1
    }
    printf '%s\n' "$output"
    grep -Eq "$pattern" <<<"$output" || {
        echo "expected from $*: $pattern" >&2
        exit 1
    }
}
# partly PATTERN COMMAND...: the command does a part (exit code 3), prints the pattern and names the rest.
partly() {
    local pattern=$1 output code=0
    shift
    output=$("$@" 2>&1) || code=$?
    printf '%s\n' "$output"
    [ $code -eq 3 ] || {
        echo "exit code $code, not 3: $*" >&2
        exit 1
    }
    grep -Eq "$pattern" <<<"$output" || {
        echo "expected from $*: $pattern" >&2
        exit 1
    }
}
# refuse PATTERN COMMAND...: the command fails and says why.
refuse() {
    local pattern=$1 output
    shift
    if output=$("$@" 2>&1); then
        printf '%s\nshould have been refused: %s\n' "$output" "$*" >&2
        exit 1
    fi
    printf 'refused, as it must be: %s\n' "$(tr '\n' ' ' <<<"$output")"
    grep -Eq "$pattern" <<<"$output" || {
        printf '%s\nexpected the reason: %s\n' "$output" "$pattern" >&2
        exit 1
    }
}
# until_true SECONDS COMMAND...
until_true() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || {
            echo "gave up waiting for: $*" >&2
            exit 1
        }
        sleep 0.2
    done
}
listening() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
said() { grep -q "$2" "$1" 2>/dev/null; }
# free_ports COUNT: the first of so many ports in a row that are free here.
free_ports() {
    local port=7700 taken=1 offset
    while [ $taken = 1 ]; do
        taken=0
        for ((offset = 0; offset < $1; offset++)); do
            ! listening $((port + offset)) || taken=1
        done
        [ $taken = 0 ] || port=$((20000 + RANDOM % 20000))
    done
    echo $port
}
# move_ports: the samples' ports from 7700 on, moved to free ones in every configuration here.
move_ports() {
    local offset
    port=$(free_ports 5)
    for offset in 4 3 2 1 0; do
        sed -i "s/127\.0\.0\.1:770$offset/127.0.0.1:$((port + offset))/" ./*.toml
    done
}
serve_coordinator() {
    # The earlier one's words must not be taken for this one's.
    rm -f coordinator.out
    merits coordinator serve --config coordinator.toml >coordinator.out 2>>coordinator.log &
    coordinator=$!
    servers+=("$coordinator")
    until_true 20 said coordinator.out '^log key '
}
