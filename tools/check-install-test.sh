#!/usr/bin/env bash
# Proves that what tools/check-install.sh runs in its folder refuses to run on the machine: it would
# make packages, clusters and logins there. The last line is "install: N passed, N failed".
# It is tried on a copy whose folders are not there: should that not refuse, nothing happens either.
set -euo pipefail
copy=$(mktemp -d "${TMPDIR:-/tmp}/appinfra-install.XXXXXX")
trap 'rm -rf "$copy"' EXIT
host=$copy/host.sh
sed "s|/appinfra/|$copy/none/|g; s|/root/|$copy/none/|g; s|/run/|$copy/|g" "$(dirname "$0")/check-install/host.sh" >"$host"
chmod 755 "$host"
passed=0
failed=0

# Succeeds when the script fails with this message.
refuses() {
    local what=$1 message=$2 said
    if ! said=$("$host" 2>&1) && grep -qF "$message" <<<"$said"; then
        passed=$((passed + 1))
    else
        echo "check-install-test: not refused: $what: $said"
        failed=$((failed + 1))
    fi
}

refuses "on the machine" "this runs in the folder of make check-install only"
for name in mnt pid net; do
    readlink "/proc/self/ns/$name" >"$copy/outer-namespaces"
    refuses "with the machine's own $name" "the $name namespace is the machine's own"
done
echo "install: $passed passed, $failed failed"
[ "$failed" = 0 ]
