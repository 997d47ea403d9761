#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tables of docs/interop.md:

    table.py values DOC PEER     lines "TITLE|MAKER" tab VALUE, and "version" tab VERSION
    table.py write DOC RESULTS   puts what `matrix` found between the marks of DOC
"""
import re
import sys

BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"
PEERS = {"openssl": "openssl cms", "gpgsm": "gpgsm", "nss": "NSS (cmsutil)"}
WAYS = [(peer, maker) for peer in PEERS for maker in ("signet", peer)]
NOTE = re.compile(r" \[\d+\]")


def columns():
    for peer, maker in WAYS:
        yield f"{peer} reads ours" if maker == "signet" else f"we read {peer}'s"


def values(doc, peer):
    with open(doc, encoding="utf-8") as f:
        text = f.read()
    for found in re.findall(rf"^\* {re.escape(PEERS[peer])} (\S+)$", text, re.M):
        print(f"version\t{found}")
    for line in text.partition(BEGIN)[2].partition(END)[0].splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        if not line.startswith("| ") or len(cells) != len(WAYS) + 1 or cells[1].startswith("openssl"):
            continue
        for (whose, maker), cell in zip(WAYS, cells[1:]):
            if whose == peer:
                print(f"{cells[0]}|{maker}\t{NOTE.sub('', cell)}")


def tables(lines):
    """Yields the text of all groups; lines are the results."""
    versions, groups, notes = {}, {}, []
    for line in lines:
        kind, *rest = line.rstrip("\n").split("\t")
        if kind == "version":
            versions[rest[0]] = rest[1]
            continue
        group, title, peer, maker, cell, note = rest
        if note:
            if note not in notes:
                notes.append(note)
            cell += f" [{notes.index(note) + 1}]"
        groups.setdefault(group, {}).setdefault(title, {})[peer, maker] = cell
    yield "Found with:\n"
    yield from (f"* {PEERS[peer]} {version}" for peer, version in versions.items())
    for group, rows in groups.items():
        yield f"\n### {group}\n"
        yield "| | " + " | ".join(columns()) + " |"
        yield "|---" * (len(WAYS) + 1) + "|"
        for title, cells in rows.items():
            yield f"| {title} | " + " | ".join(cells.get(way, "?") for way in WAYS) + " |"
    yield "\n### Notes\n"
    yield "What the reader said, and whether it reads the same thing made by others.\n"
    yield from (f"{i}. {note}" for i, note in enumerate(notes, 1))


def write(doc, results):
    with open(results, encoding="utf-8", errors="replace") as f:
        text = "\n".join(tables(f))
    with open(doc, encoding="utf-8") as f:
        before, _, rest = f.read().partition(BEGIN)
    after = rest.partition(END)[2]
    with open(doc, "w", encoding="utf-8") as f:
        f.write(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


{"values": values, "write": write}[sys.argv[1]](*sys.argv[2:])
