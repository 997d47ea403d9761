# SPDX-License-Identifier: LGPL-2.1-or-later
# A signed DNS zone on loopback: keys and signatures by ldns, served by nsd. Needs
# lib/ports.bash.
#
#   smimea_name ADDRESS            the owner name, with the last dot (RFC 8162, section 3)
#   smimea_record ADDRESS CERT_DER   a record: usage 3, selector 0, matching type 0
#   dnssec_start FOLDER ZONE RECORDS   serves the zone with the records in the file RECORDS
#                      (zone file syntax; SOA and NS are added); sets DNS_PORT, DNS_RESOLVER
#                      (127.0.0.1@PORT) and DNS_ANCHOR (the zone's own key, a file), for the
#                      [fetch] keys resolver and dnssec-anchor
#   dnssec_stop_all
#
# DNSSEC_SPOIL, when set, is a sed script run over the signed zone: what it changes is bogus.
# DNSSEC_UNSIGNED=1 serves the zone without signatures.

DNS_NSD=${DNS_NSD:-/usr/sbin/nsd}

dnssec_there() {
    [ -x "$DNS_NSD" ] && command -v ldns-keygen ldns-signzone >/dev/null
}

smimea_name() {
    local hash
    hash=$(printf %s "${1%@*}" | sha256sum)
    printf '%s._smimecert.%s.\n' "${hash:0:56}" "${1##*@}"
}

smimea_record() {
    local hex
    hex=030000$(od -An -v -tx1 "$2" | tr -d ' \n')
    printf '%s 300 IN TYPE53 \\# %d %s\n' "$(smimea_name "$1")" $((${#hex} / 2)) "$hex"
}

# The zone file, signed; sets DNS_ANCHOR.
dnssec_zone() {
    local folder=$1 zone=$2 key
    {
        printf '%s. 300 IN SOA ns.%s. hostmaster.%s. 1 3600 600 86400 300\n' "$zone" "$zone" "$zone"
        printf '%s. 300 IN NS ns.%s.\nns.%s. 300 IN A 127.0.0.1\n' "$zone" "$zone" "$zone"
        cat "$3"
    } >"$folder/zone"
    key=$(cd "$folder" && ldns-keygen -a ECDSAP256SHA256 -k "$zone" 2>>log) || return
    DNS_ANCHOR=$folder/$key.key
    export DNS_ANCHOR
    if [ -n "${DNSSEC_UNSIGNED-}" ]; then
        cp "$folder/zone" "$folder/zone.signed"
    else
        (cd "$folder" && ldns-signzone -n -o "$zone" -f zone.signed zone "$key") >>"$folder/log" 2>&1 || return
    fi
    [ -z "${DNSSEC_SPOIL-}" ] || sed -i -e "$DNSSEC_SPOIL" "$folder/zone.signed"
}

dnssec_conf() {
    cat <<CONF
server:
  ip-address: 127.0.0.1@$3
  username: "$(id -un)"
  chroot: ""
  zonesdir: "$1"
  database: ""
  pidfile: "$1/nsd.pid"
  zonelistfile: "$1/zone.list"
  xfrdfile: "$1/xfrd.state"
  xfrdir: "$1"
  logfile: "$1/log"
  server-count: 1
  reuseport: no
remote-control:
  control-enable: no
zone:
  name: "$2"
  zonefile: "zone.signed"
CONF
}

dnssec_start() {
    local folder=$1 try pid
    mkdir -p "$folder" && dnssec_zone "$@" || return
    for try in 1 2 3 4 5; do
        DNS_PORT=$(port_free) || return
        dnssec_conf "$folder" "$2" "$DNS_PORT" >"$folder/nsd.conf"
        "$DNS_NSD" -d -c "$folder/nsd.conf" </dev/null >>"$folder/log" 2>&1 3>&- &
        pid=$!
        if port_await "$DNS_PORT" "$pid"; then
            echo "$pid" >>"${DNS_PIDS:-$T/dns.pids}"
            DNS_RESOLVER=127.0.0.1@$DNS_PORT
            export DNS_PORT DNS_RESOLVER
            return 0
        fi
        kill "$pid" 2>/dev/null
    done
    cat "$folder/log" >&2
    return 1
}

dnssec_stop_all() { servers_stop "${DNS_PIDS:-$T/dns.pids}"; }
