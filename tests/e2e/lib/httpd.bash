# SPDX-License-Identifier: LGPL-2.1-or-later
# Web servers on loopback (tests/e2e/httpd.c says what they can do); all end with
# httpd_stop_all. Needs lib/ports.bash.
#
#   httpd_start FOLDER   sets HTTPD_PORT and HTTPD_URL (http://127.0.0.1:PORT)
#   httpd_hits FOLDER [PATTERN]   how many requests came (whose line matches)

httpd_start() {
    local i pids=${HTTPD_PIDS:-$T/httpd.pids}
    rm -f "$1/.port"
    "${E2E_HTTPD:?run through meson}" "$1" </dev/null >>"$T/httpd.log" 2>&1 3>&- &
    echo $! >>"$pids"
    for ((i = 0; i < 500; i++)); do
        [ ! -s "$1/.port" ] || break
        sleep 0.02
    done
    HTTPD_PORT=$(cat "$1/.port") || return
    HTTPD_URL=http://127.0.0.1:$HTTPD_PORT
    export HTTPD_PORT HTTPD_URL
}

httpd_hits() {
    grep -Ec -- "${2-.}" "$1/.hits" 2>/dev/null || :
}

httpd_stop_all() { servers_stop "${HTTPD_PIDS:-$T/httpd.pids}"; }
