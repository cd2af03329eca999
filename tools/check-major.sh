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

# Ends the run with a complaint.
die() {
    echo "check-major: $*" >&2
    exit 1
}

# Prints the Debian release that has a major version of PostgreSQL.
release_of() {
    case $1 in
        17) echo trixie ;;
        18) echo sid ;;
        *) die "say PG=17 or PG=18" ;;
    esac
}

# Prints the address from which this machine has its packages of label $1, or else $2.
# shellcheck disable=SC2016 # the names in the format are apt's
mirror() {
    local address
    address=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
        sed -n "s/^Debian|$1|//p" | head -n 1)
    echo "${address:-$2}"
}

# Prints how this machine's apt reaches its mirrors: proxies, certificates and the like.
transport() {
    apt-config dump | grep -E '^Acquire::(http|https|Retries|ForceIPv[46]|Check-[A-Za-z-]+)\b' || true
}

# Writes the folder's apt configuration.
configure_apt() {
    local base=$1 archive security
    archive=$(mirror Debian http://deb.debian.org/debian)
    security=$(mirror Debian-Security http://deb.debian.org/debian-security)
    {
        echo "deb $archive $release main"
        if [ "$release" != sid ]; then
            echo "deb $archive $release-updates main"
            echo "deb $security $release-security main"
        fi
    } >"$base/etc/apt/sources.list"
    {
        transport
        echo 'Acquire::Languages "none";'
        echo 'APT::Install-Recommends "false";'
        echo 'APT::Keep-Downloaded-Packages "false";'
    } >"$base/etc/apt/apt.conf.d/90appinfra"
    echo force-unsafe-io >"$base/etc/dpkg/dpkg.cfg.d/appinfra" # a folder is made again, not mended
    printf '#!/bin/sh\nexit 101\n' >"$base/usr/sbin/policy-rc.d" # no package starts anything
    chmod 755 "$base/usr/sbin/policy-rc.d"
}

# Gives the folder this machine's certificates and name servers.
copy_network() {
    local base=$1
    mkdir -p "$base/etc/ssl/certs"
    if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
        cp -L /etc/ssl/certs/ca-certificates.crt "$base/etc/ssl/certs/"
    fi
    cp -L /etc/resolv.conf /etc/hosts "$base/etc/"
}

# Makes the folder with the release's smallest system. A folder half made has another name.
make_folder() {
    local partial=$folder.partial proxy keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -f "$keyring" ] || die "$keyring is missing; it is in the package debian-archive-keyring"
    echo "check-major: making $folder from $release"
    rm -rf --one-file-system "$partial"
    mkdir -p "$partial"
    proxy=$(apt-config dump --format '%v%n' Acquire::http::Proxy)
    if ! env ${proxy:+"http_proxy=$proxy"} debootstrap --variant=minbase --keyring="$keyring" \
        --include=ca-certificates,iproute2 "$release" "$partial" \
        "$(mirror Debian http://deb.debian.org/debian)" >"$folder.log" 2>&1; then
        tail -n 30 "$folder.log" "$partial/debootstrap/debootstrap.log" >&2 || true
        die "debootstrap failed; its output is in $folder.log"
    fi
    mv -T "$partial" "$folder"
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

# Mounts what a running system has. The mounts are in this run's namespace only.
mount_folder() {
    mount -t proc proc "$folder/proc"
    mount --rbind /dev "$folder/dev"
    mount -t tmpfs -o mode=1777 tmpfs "$folder/dev/shm"
}

# Copies the tree without what was built, and without what an earlier run left.
copy_tree() {
    rm -rf "$folder/appinfra" "$folder"/var/tmp/appinfra-* "$folder"/tmp/appinfra-*
    mkdir "$folder/appinfra"
    tar -C "$root" --exclude=./.git --exclude=./build --exclude=./tmp_check --exclude=node_modules \
        --exclude='*.o' --exclude='*.so' --exclude='*.bc' --exclude='*.d' -cf - . |
        tar -C "$folder/appinfra" --no-same-owner -xf -
}

# Makes the folder if need be, installs into it what is missing, and goes on without network.
run_inside() {
    exec 9>"$folder.lock"
    flock -n 9 || die "another run uses $folder"
    [ -d "$folder" ] || make_folder
    mount_folder
    configure_apt "$folder"
    copy_network "$folder"
    copy_tree
    in_folder dpkg --configure -a >/dev/null # what an interrupted run has left
    if [ -n "${CCACHE:-}" ] && [ ! -d "$folder/usr/lib/ccache" ]; then
        in_folder sh -c 'apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y install ccache' >/dev/null
    fi
    in_folder /appinfra/tools/deps.sh install build check
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

# Starts the run in namespaces, and ends it when this process is ended.
run_outside() {
    local status=0 runner
    [ "$(id -u)" = 0 ] || die "this needs root: it mounts, and installs packages into its folder"
    "$root/tools/deps.sh" install major
    mkdir -p "$(dirname "$folder")"
    setpriv --pdeathsig KILL unshare --mount --pid --ipc --fork --kill-child --mount-proc -- "$0" inside &
    runner=$!
    trap 'kill -KILL "$runner" 2>/dev/null; exit 130' INT TERM HUP
    wait "$runner" || status=$?
    exit "$status"
}

release=$(release_of "${PG:-}") || exit 1
folder=$(realpath -m "${APPINFRA_MAJOR_DIR:-$root/build/major-$PG}")
case ${1:-} in
    '') run_outside ;;
    inside) run_inside ;;
    offline) run_offline ;;
    *) die "usage: PG=17 tools/check-major.sh" ;;
esac
