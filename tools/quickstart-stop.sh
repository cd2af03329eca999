#!/usr/bin/env bash
# `make quickstart-stop`: ends the quickstart's sidecar and host and removes their directory. It
# refuses to touch a directory that has not the quickstart's marker.
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/quickstart-lib.sh
. "$root/tools/quickstart-lib.sh"
# shellcheck source=tools/quickstart-buckets.sh
. "$root/tools/quickstart-buckets.sh"

if [ ! -e "$home" ]; then
    echo "There is no quickstart host in $home."
    exit 0
fi
is_ours || die "$home is not the quickstart's: it has no marker file, so it stays as it is"
bindir=$(cat "$home/bindir" 2>/dev/null || true)
stop_sidecar
stop_store
if [ -n "$bindir" ]; then stop_cluster "$data"; fi
if [ -f "$data/postmaster.pid" ] && kill -0 "$(head -n 1 "$data/postmaster.pid")" 2>/dev/null; then
    die "the host in $data did not stop; nothing was removed"
fi
rm -rf "$home"
echo "The quickstart's host is stopped, and $home is gone."
