# SPDX-License-Identifier: LGPL-2.1-or-later
# Directories on loopback: slapd with its files in one folder. Needs lib/ports.bash.
#
#   ldap_start FOLDER SUFFIX LDIF...   a directory of the entries in the files; sets
#                      LDAP_PORT and LDAP_URL (ldap://127.0.0.1:PORT). Fails when slapd
#                      does not start. The suffix' own entry must be among the entries.
#   ldap_person DN MAIL CERT_DER...    prints an inetOrgPerson as LDIF
#   ldap_crl_point DN CRL_DER...       prints a cRLDistributionPoint as LDIF
#   ldap_stop_all
#
# SLAPD_CONF_MORE, when set, is put into the configuration (a referral, TLS).

LDAP_SLAPD=${LDAP_SLAPD:-/usr/sbin/slapd}

# For e2e_skip_file or skip: is there a slapd?
ldap_there() { [ -x "$LDAP_SLAPD" ] && [ -e /usr/lib/ldap/back_mdb.so ]; }

ldap_start() {
    local folder=$1 suffix=$2 file try pid
    shift 2
    mkdir -p "$folder/db" || return
    cat >"$folder/slapd.conf" <<CONF
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile $folder/slapd.pid
${SLAPD_CONF_MORE-}
database mdb
maxsize 268435456
suffix "$suffix"
directory $folder/db
dbnosync
index objectClass,mail eq
CONF
    for file; do
        "$LDAP_SLAPD" -T add -q -f "$folder/slapd.conf" -l "$file" >>"$folder/log" 2>&1 || {
            cat "$folder/log" >&2
            return 1
        }
    done
    for try in 1 2 3 4 5; do
        LDAP_PORT=$(port_free) || return
        "$LDAP_SLAPD" -d 0 -f "$folder/slapd.conf" -h "ldap://127.0.0.1:$LDAP_PORT" \
            </dev/null >>"$folder/log" 2>&1 3>&- &
        pid=$!
        if port_await "$LDAP_PORT" "$pid"; then
            echo "$pid" >>"${LDAP_PIDS:-$T/ldap.pids}"
            LDAP_URL=ldap://127.0.0.1:$LDAP_PORT
            export LDAP_PORT LDAP_URL
            return 0
        fi
        kill "$pid" 2>/dev/null
    done
    cat "$folder/log" >&2
    return 1
}

ldap_stop_all() { servers_stop "${LDAP_PIDS:-$T/ldap.pids}"; }

ldap_values() {
    local attribute=$1 file
    shift
    for file; do
        printf '%s:: %s\n' "$attribute" "$(base64 -w0 "$file")"
    done
}

ldap_person() {
    local dn=$1 mail=$2
    shift 2
    printf 'dn: %s\nobjectClass: inetOrgPerson\ncn: %s\nsn: %s\nmail: %s\n' \
        "$dn" "$mail" "$mail" "$mail"
    ldap_values 'userCertificate;binary' "$@"
    echo
}

ldap_crl_point() {
    local dn=$1 cn=${1%%,*}
    shift
    printf 'dn: %s\nobjectClass: cRLDistributionPoint\ncn: %s\n' "$dn" "${cn#*=}"
    ldap_values 'certificateRevocationList;binary' "$@"
    echo
}
