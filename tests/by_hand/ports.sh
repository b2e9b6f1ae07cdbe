# Sourced by run.sh: ports that nobody listens on.

listening() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_ports: the first of five ports in a row that are free here; a multiple of ten.
free_ports() {
    # Never the ports of the samples: a page that replaces only some of them would pass with those.
    local port=$((20000 + RANDOM % 2000 * 10)) taken=1 offset
    while [ $taken = 1 ]; do
        taken=0
        for offset in 0 1 2 3 4; do
            ! listening $((port + offset)) || taken=1
        done
        [ $taken = 0 ] || port=$((20000 + RANDOM % 2000 * 10))
    done
    echo $port
}
