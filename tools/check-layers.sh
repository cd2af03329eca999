#!/usr/bin/env bash
# Proves that includes go down only: reads the floors of a tree from its README.md and ranks every
# include of the tree by them. Arguments: the trees; without any, extension and sidecar.
#
# A README states them in two blocks that begin with ```floors and ```cycles. Floors: one a line, the
# lowest first; rooms that stand side by side are in one line, with " | " between them, and use
# neither each other nor what stands above. Cycles: "room: file file: reason", for files of one room
# that include each other; at most three.
# It fails on an include that goes up or sideways, of a room without a floor, or without a room; on a
# folder without a floor; and on cycles that are not listed, or listed and not there.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || set -- "$root/extension" "$root/sidecar"
failed=0

# Prints the lines of block $2 in file $1.
block() {
    sed -n "/^\`\`\`$2\$/,/^\`\`\`\$/p" "$1" | grep -v '^```' || true
}

# Prints "file header" for each include of a header of ours below $1; PostgreSQL's end with .h.
includes() {
    (cd "$1" && find . -name '*.?pp' -printf '%P\n' | sort | xargs grep -HoE '^#include "[^"]+\.hpp"' |
        sed -E 's/^([^:]+):#include "(.*)"$/\1 \2/')
}

# Prints what is wrong with the includes of tree $1.
judge() {
    awk -v tree="$(basename "$1")" '
        function complain(text) { print "check-layers: " tree "/" text }
        # A module is a file name without its ending; the file itself, where a folder has none.
        function module(path) { sub(/\.[ch]pp$/, "", path); return path }
        FILENAME == ARGV[1] {
            floor++
            n = split($0, names, / *\| */)
            for (i = 1; i <= n; i++) rank[names[i]] = floor
            next
        }
        FILENAME == ARGV[2] {
            split($0, part, / *: */)
            n = split(part[2], names, " ")
            key = ""
            for (i = 1; i <= n; i++) key = key " " part[1] "/" names[i]
            listed[key] = part[3]
            if (part[3] == "") complain("README.md: the cycle of" key " has no reason")
            if (++count > 3) complain("README.md: more than three cycles are listed")
            next
        }
        FILENAME == ARGV[3] {
            if (!($0 in rank)) complain($0 ": the folder has no floor in README.md")
            next
        }
        {
            from = $1; from_room = from ~ /\// ? from : ""; sub(/\/.*/, "", from_room)
            to = $2; to_room = to ~ /\// ? to : ""; sub(/\/.*/, "", to_room)
            seen++
            if (to_room == "")
                complain(from ": \"" to "\" names no room")
            else if (!(to_room in rank))
                complain(from ": \"" to "\" is of a room that has no floor")
            else if (from_room == "" || !(from_room in rank))
                next # the top uses everything; a folder without a floor is complained of once
            else if (from_room == to_room)
                uses[module(from), module(to)] = modules[module(from)] = modules[module(to)] = 1
            else if (rank[to_room] > rank[from_room])
                complain(from ": \"" to "\" goes up")
            else if (rank[to_room] == rank[from_room])
                complain(from ": \"" to "\" goes sideways")
        }
        END {
            if (floor == 0) complain("README.md: states no floors")
            if (seen == 0) complain(": has no includes")
            # what reaches what: a cycle is what reaches itself
            for (k in modules) for (i in modules) if ((i, k) in uses)
                for (j in modules) if ((k, j) in uses) uses[i, j] = 1
            for (i in modules) names[++total] = i
            for (i = 1; i <= total; i++) for (j = i + 1; j <= total; j++)
                if (names[j] < names[i]) { t = names[i]; names[i] = names[j]; names[j] = t }
            for (i = 1; i <= total; i++) {
                key = " " names[i]
                if (done[names[i]]) continue
                for (j = i + 1; j <= total; j++)
                    if (((names[i], names[j]) in uses) && ((names[j], names[i]) in uses)) {
                        key = key " " names[j]
                        done[names[j]] = 1
                    }
                if (key == " " names[i]) continue
                if (key in listed) found[key] = 1
                else complain("README.md: does not list the cycle of" key)
            }
            for (key in listed) if (!(key in found))
                complain("README.md: lists a cycle that is not there:" key)
        }' <(block "$1/README.md" floors) <(block "$1/README.md" cycles) \
        <(find "$1" -mindepth 2 -name '*.?pp' -printf '%P\n' | cut -d/ -f1 | sort -u) \
        <(includes "$1")
}

for tree in "$@"; do
    complaints=$(judge "$tree")
    includes=$(includes "$tree" | wc -l)
    if [ -n "$complaints" ]; then
        echo "$complaints" >&2
        failed=1
    else
        echo "check-layers: $(basename "$tree"): $includes includes, none goes up or sideways"
    fi
done
exit "$failed"
