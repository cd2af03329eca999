#!/usr/bin/env bash
# `make check-deb`: a new Debian 12 becomes a host by the packages and by what docs/operations.md says,
# then they are purged.
#
# `make deb` makes the packages, on this machine; all else is in the folder of tools/new-host.sh, where
# tools/check-deb/host.sh runs. PACKAGES=FOLDER takes packages that were made before.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
me=check-deb
# shellcheck source=tools/new-host.sh
. "$root/tools/new-host.sh"

# The packages come into the host where an operator would have put them.
bring() {
    mkdir "$host/root/packages"
    cp "$packages"/*.deb "$host/root/packages"
}

packages=${PACKAGES:-$root/build/deb}
if [ "${1:-}" = '' ] && [ -z "${PACKAGES:-}" ]; then "$root/tools/deb.sh"; fi
new_host "$@"
