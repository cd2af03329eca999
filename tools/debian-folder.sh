# shellcheck shell=bash disable=SC2154
# Sourced by the checks that run in a folder which holds a Debian of its own (check-major.sh,
# check-install.sh): how the folder is made from this machine's mirrors, what it gets of the
# machine's network, and how the tree comes into it.
# The caller sets $root (the tree), $release (Debian's name) and $me (for complaints).

# Ends the run with a complaint.
die() {
    echo "$me: $*" >&2
    exit 1
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

# Writes the folder's apt configuration; standard input goes into it as well.
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
        cat
    } >"$base/etc/apt/apt.conf.d/90appinfra"
    echo force-unsafe-io >"$base/etc/dpkg/dpkg.cfg.d/appinfra" # a folder is made again, not mended
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

# Makes folder $1 with the release's smallest system and the packages $2. One half made has another name.
make_folder() {
    local made=$1 include=$2 partial=$1.partial proxy keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -f "$keyring" ] || die "$keyring is missing; it is in the package debian-archive-keyring"
    echo "$me: making $made from $release"
    rm -rf --one-file-system "$partial"
    mkdir -p "$partial"
    proxy=$(apt-config dump --format '%v%n' Acquire::http::Proxy)
    if ! env ${proxy:+"http_proxy=$proxy"} debootstrap --variant=minbase --keyring="$keyring" \
        --include="$include" "$release" "$partial" \
        "$(mirror Debian http://deb.debian.org/debian)" >"$made.log" 2>&1; then
        tail -n 30 "$made.log" "$partial/debootstrap/debootstrap.log" >&2 || true
        die "debootstrap failed; its output is in $made.log"
    fi
    mv -T "$partial" "$made"
}

# Mounts what a running system has. The mounts are in this run's namespace only.
mount_folder() {
    mount -t proc proc "$1/proc"
    mount --rbind /dev "$1/dev"
    mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
}

# Copies the tree, without what was built, into folder $1, which exists.
copy_sources() {
    tar -C "$root" --exclude=./.git --exclude=./build --exclude=./tmp_check --exclude=node_modules \
        --exclude='*.o' --exclude='*.so' --exclude='*.bc' --exclude='*.d' -cf - . |
        tar -C "$1" --no-same-owner -xf -
}

# Copies the tree into folder $1, as /appinfra.
copy_tree() {
    rm -rf "$1/appinfra"
    mkdir "$1/appinfra"
    copy_sources "$1/appinfra"
}

# Runs this script again, as `$0 inside`, in namespaces of its own, and ends that when this process
# is ended.
run_outside() {
    local status=0 runner
    [ "$(id -u)" = 0 ] || die "this needs root: it mounts, and installs packages into its folder"
    "$root/tools/deps.sh" install major
    setpriv --pdeathsig KILL unshare --mount --pid --ipc --fork --kill-child --mount-proc -- "$0" inside &
    runner=$!
    trap 'kill -KILL "$runner" 2>/dev/null; exit 130' INT TERM HUP
    wait "$runner" || status=$?
    exit "$status"
}
