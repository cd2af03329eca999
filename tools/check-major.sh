#!/usr/bin/env bash
# `make check-major PG=17`: the whole of `make check` on another major version of PostgreSQL.
#
# It runs as root in a folder that holds the Debian release which has that version: build/major-17,
# or $APPINFRA_MAJOR_DIR. The folder is made once, and used again by later runs; delete it to have
# newer packages. On the machine itself only debootstrap is installed; no package of the machine,
# no cluster and no port is touched: the run has mounts, processes, shared memory and a loopback
# network of its own, and all of them go with its last process, whatever ends it.
# SUITES, TAP, REGRESS, ISOLATION, JOBS, SUITE_LIMIT and KEEP mean what they mean for `make check`.
# CCACHE=1 keeps compiled objects in the folder for the next run.
#
#   tools/check-major.sh             what people call, by way of make
#   tools/check-major.sh inside      the same, in namespaces of its own
#   tools/check-major.sh offline     the last step, without the machine's network
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
me=check-major
# shellcheck source=tools/debian-folder.sh
. "$root/tools/debian-folder.sh"

# Prints the Debian release that has a major version of PostgreSQL.
release_of() {
    case $1 in
        17) echo trixie ;;
        18) echo sid ;;
        *) die "say PG=17 or PG=18" ;;
    esac
}

# Runs a command in the folder with an environment that owes this machine nothing, and with the
# signals that a process in the background would ignore.
in_folder() {
    local path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin name kept=()
    if [ -n "${CCACHE:-}" ]; then path=/usr/lib/ccache:$path; fi
    for name in SUITES TAP REGRESS ISOLATION JOBS SUITE_LIMIT KEEP; do
        if [ -n "${!name:-}" ]; then kept+=("$name=${!name}"); fi
    done
    chroot "$folder" /usr/bin/env -i --default-signal PATH="$path" HOME=/root TERM=dumb LC_ALL=C.UTF-8 \
        CCACHE_DIR=/var/cache/ccache CCACHE_SLOPPINESS=pch_defines,time_macros PG_MAJOR="$PG" "${kept[@]}" "$@"
}

# Makes the folder if need be, installs into it what is missing, and goes on without network.
run_inside() {
    exec 9>"$folder.lock"
    flock -n 9 || die "another run uses $folder"
    [ -d "$folder" ] || make_folder "$folder" ca-certificates,iproute2
    mount_folder "$folder"
    configure_apt "$folder" <<<'APT::Keep-Downloaded-Packages "false";'
    printf '#!/bin/sh\nexit 101\n' >"$folder/usr/sbin/policy-rc.d" # no package starts anything
    chmod 755 "$folder/usr/sbin/policy-rc.d"
    copy_network "$folder"
    rm -rf "$folder"/var/tmp/appinfra-* "$folder"/tmp/appinfra-* # what an earlier run left
    copy_tree "$folder"
    in_folder dpkg --configure -a >/dev/null # what an interrupted run has left
    if [ -n "${CCACHE:-}" ] && [ ! -d "$folder/usr/lib/ccache" ]; then
        in_folder sh -c 'apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y install ccache' >/dev/null
    fi
    in_folder /appinfra/tools/deps.sh install build check extensions
    unshare --net -- "$0" offline
}

# Runs the suite where the only network is a loopback of its own.
run_offline() {
    local status=0
    in_folder ip link set lo up
    in_folder /appinfra/tools/check.sh || status=$?
    [ "$status" = 0 ] || echo "check-major: what was kept is below $folder" >&2
    return "$status"
}

release=$(release_of "${PG:-}") || exit 1
folder=$(realpath -m "${APPINFRA_MAJOR_DIR:-$root/build/major-$PG}")
mkdir -p "$(dirname "$folder")"
case ${1:-} in
    '') run_outside ;;
    inside) run_inside ;;
    offline) run_offline ;;
    *) die "usage: PG=17 tools/check-major.sh" ;;
esac
