#!/usr/bin/env bash
# `make check-install`: a new Debian 12 becomes a host by what docs/operations.md says, word by word,
# from the sources.
#
# tools/new-host.sh has how; tools/check-install/host.sh is what runs in there. CCACHE=1 keeps compiled
# objects for the next run, which makes the time it prints shorter.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
me=check-install
# shellcheck source=tools/new-host.sh
. "$root/tools/new-host.sh"
new_host "$@"
