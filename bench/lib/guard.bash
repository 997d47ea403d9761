# SPDX-License-Identifier: LGPL-2.1-or-later
# What the agent's guard (policy, limits, audit log, metrics) costs: its processor time for each
# use of a key, beside all the processor time there is for a P-256 signature of four clients.

section_guard() {
    local tool cost rate cores line
    heading "Policy, limits, audit log and metrics, of a P-256 signature through the agent (4 clients)"
    tool=$(find "$BUILD" -name guard-cost -type f -perm -u+x | head -1)
    [ -n "$tool" ] || { echo "guard-cost is not built"; return; }
    mkdir -p "$T/guard"
    cost=$("$tool" --threads 4 --uses 200000 "$T/guard") || return
    rm -rf "$T/guard"
    rate=$(for _ in 1 2 3; do agent_rate ec 4; done | median)
    cores=$(nproc)
    line=$(awk -v all="$(value "$cost" all_ns)" -v policy="$(value "$cost" policy_ns)" \
        -v audit="$(value "$cost" audit_ns)" -v metrics="$(value "$cost" metrics_ns)" \
        -v rate="${rate:-0}" -v cores="$cores" 'BEGIN {
            per = rate > 0 ? cores * 1e9 / rate : 0
            printf "{\"name\": \"guard\", \"all_ns\": %d, \"policy_ns\": %d, \"audit_ns\": %d, \"metrics_ns\": %d, \"signature_ns\": %d, \"percent\": %.1f}",
                all, policy, audit, metrics, per, per > 0 ? 100 * all / per : 0 }')
    keep guard "$line"
    printf 'all %d ns (policy and limits %d, audit log %d, metrics %d); a signature has %d ns of %d processors: %s %%\n' \
        "$(value "$line" all_ns)" "$(value "$line" policy_ns)" "$(value "$line" audit_ns)" \
        "$(value "$line" metrics_ns)" "$(value "$line" signature_ns)" "$cores" "$(value "$line" percent)"
}
