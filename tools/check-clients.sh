#!/usr/bin/env bash
# `make check-clients`: runs test/clients, drivers of other languages and S3 clients against private servers. As root
# it installs them first; one that is missing fails.
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
ensure_packages build check clients
SUITES=tap TAP='test/clients/*.pl' exec "$root/tools/check.sh"
