# SPDX-License-Identifier: LGPL-2.1-or-later
# Servers that cannot choose a free port themselves.

# A port of 127.0.0.1 that nobody has just now, for TCP and UDP.
port_free() {
    perl -MIO::Socket::INET -e '
        for (1 .. 100) {
            my $t = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1) or next;
            IO::Socket::INET->new(LocalAddr => "127.0.0.1", Proto => "udp", LocalPort => $t->sockport) or next;
            print $t->sockport; exit 0;
        }
        exit 1'
}

# port_await PORT PID: until PORT takes connections; false when PID ended before or after 10 s.
port_await() {
    local i
    for ((i = 0; i < 500; i++)); do
        kill -0 "$2" 2>/dev/null || return 1
        (: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0
        sleep 0.02
    done
    return 1
}

# servers_stop LIST: ends the processes in the file LIST, one a line.
servers_stop() {
    local pid i
    [ -e "$1" ] || return 0
    while read -r pid; do
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
        # A child of another shell cannot be waited for.
        for ((i = 0; i < 500; i++)); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.02
        done
    done <"$1"
    rm -f "$1"
}
