#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each test that docs/security.md names is there: `tests/FILE: CASE`.
cd "$(dirname "$0")/.." || exit 1
# A case may go on in the page's next line.
missing=$(tr '\n' ' ' <docs/security.md | grep -o '`tests/[^`:]*: [^`]*`' | tr -d '`' |
  while IFS= read -r claim; do
    file=${claim%%: *} case=${claim#*: }
    grep -qF -e "($case)" -e "@test \"$case\"" "$file" 2>/dev/null || echo "$file: $case"
  done)
[ -z "$missing" ] && exit 0
printf 'docs/security.md names tests that are not there:\n%s\n' "$missing"
exit 1
