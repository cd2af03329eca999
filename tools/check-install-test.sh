#!/usr/bin/env bash
# Proves that what tools/check-install.sh and tools/check-deb.sh run in their folder refuses to run on
# the machine: it would make packages, clusters and logins there. The last line is
# "install: N passed, N failed".
# It is tried on copies whose folders are not there: should one not refuse, nothing happens either.
set -euo pipefail
copy=$(mktemp -d "${TMPDIR:-/tmp}/appinfra-install.XXXXXX")
trap 'rm -rf "$copy"' EXIT
here=$(cd "$(dirname "$0")" && pwd)
passed=0
failed=0

# Copies the script $1 of tools/, with other places for what it would touch.
copy_script() {
    mkdir -p "$(dirname "$copy/none/tools/$1")"
    sed "s|/appinfra/|$copy/none/|g; s|/root/|$copy/none/|g; s|/run/|$copy/|g" "$here/$1" >"$copy/none/tools/$1"
    chmod 755 "$copy/none/tools/$1"
}

# Succeeds when check $1's script fails with message $3, being $2.
refuses() {
    local check=$1 what=$2 message=$3 said
    if ! said=$("$copy/none/tools/$check/host.sh" 2>&1) && grep -qF "$message" <<<"$said"; then
        passed=$((passed + 1))
    else
        echo "check-install-test: $check does not refuse $what: $said"
        failed=$((failed + 1))
    fi
}

copy_script check-install/lib.sh
for check in check-install check-deb; do
    copy_script $check/host.sh
    rm -f "$copy/outer-namespaces"
    refuses $check "on the machine" "this runs in the folder of make $check only"
    for name in mnt pid net; do
        readlink "/proc/self/ns/$name" >"$copy/outer-namespaces"
        refuses $check "with the machine's own $name" "the $name namespace is the machine's own"
    done
done
echo "install: $passed passed, $failed failed"
[ "$failed" = 0 ]
