#!/usr/bin/env bash
# Proves that what tools/check-install.sh runs in its folder refuses to run on the machine: it would
# make packages, clusters and logins there. The last line is "install: N passed, N failed".
# It is tried on a copy that names a folder which is not there: should that not refuse, nothing happens either.
set -euo pipefail
copy=$(mktemp -d "${TMPDIR:-/tmp}/appinfra-install.XXXXXX")
trap 'rm -rf "$copy"' EXIT
host=$copy/host.sh
sed "s|/appinfra/|$copy/none/|g; s|/root/|$copy/none/|g" "$(dirname "$0")/check-install/host.sh" >"$host"
chmod 755 "$copy" "$host"
passed=0
failed=0

# Succeeds when a command fails with this message.
refuses() {
    local what=$1 message=$2 said
    shift 2
    if ! said=$("$@" 2>&1) && grep -qF "$message" <<<"$said"; then
        passed=$((passed + 1))
    else
        echo "check-install-test: not refused: $what: $said"
        failed=$((failed + 1))
    fi
}

# Runs it where /run says that all namespaces but that of mounts are the machine's.
in_some() {
    # shellcheck disable=SC2016 # the inner shell expands
    unshare --map-root-user --mount sh -c 'mount -t tmpfs tmpfs /run &&
        readlink /proc/self/ns/pid /proc/self/ns/net >/run/outer-namespaces && exec "$1"' sh "$host"
}

refuses "on the machine" "this runs in the folder of make check-install only" "$host"
refuses "with the machine's processes" "the pid namespace is the machine's own" in_some
echo "install: $passed passed, $failed failed"
[ "$failed" = 0 ]
