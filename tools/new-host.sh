# shellcheck shell=bash disable=SC2154
# Sourced by the checks that make a new Debian 12 into a host of appinfra (check-install.sh,
# check-deb.sh): the machine in a folder, what stands in there for what does not work in one, and what
# the documents say that one has.
#
# They run as root in folders below build/install-12, or $APPINFRA_INSTALL_DIR: `base` is a Debian as
# it comes, made once; `host` is a copy of it for this run, `packages` what apt has fetched. On the
# machine itself only debootstrap is installed; no package, cluster or port of it is touched: the
# run has mounts, processes, shared memory and a network of its own, and all of them go with its
# last process. Commands are taken out of the document and run as they stand there; apt-get alone
# reaches the machine's network. Where systemd would start the service,
# tools/check-install/systemctl does what the unit says.
# The caller sets $me (its name, and that of its folder in tools/, which has host.sh), then calls
# `new_host "$@"`; a function `bring` of it may put more into the host.
#
#   tools/check-NAME.sh             what people call, by way of make
#   tools/check-NAME.sh inside      the same, in namespaces of its own
#   tools/check-NAME.sh offline     the last step, in a network of its own

# shellcheck source=tools/debian-folder.sh
. "$root/tools/debian-folder.sh"
release=bookworm
included=ca-certificates,iproute2,systemd,openssl
folder=$(realpath -m "${APPINFRA_INSTALL_DIR:-$root/build/install-12}")
host=$folder/host
host_script=/appinfra/tools/$me/host.sh

# Runs a command in the host with an environment that owes this machine nothing.
in_host() {
    local path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    if [ -n "${CCACHE:-}" ]; then path=/usr/lib/ccache:$path; fi
    path=/opt/stand-in:$path
    chroot "$host" /usr/bin/env -i --default-signal PATH="$path" HOME=/root TERM=dumb LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive CCACHE_DIR=/var/cache/ccache \
        CCACHE_SLOPPINESS=pch_defines,time_macros "$@"
}

# Makes the host of this run, a copy of the new Debian, with what a running system has mounted.
make_host() {
    [ -d "$folder/base" ] || make_folder "$folder/base" "$included"
    rm -rf --one-file-system "$host"
    cp -a "$folder/base" "$host"
    mount --bind "$host" "$host"
    mount_folder "$host"
    mount -t tmpfs -o mode=755 tmpfs "$host/run"
    mkdir -p "$folder/packages/partial" "$folder/ccache" "$host/var/cache/ccache"
    mount --bind "$folder/packages" "$host/var/cache/apt/archives"
    mount --bind "$folder/ccache" "$host/var/cache/ccache"
    configure_apt "$host" <<<'APT::Get::Assume-Yes "true";
Binary::apt-get::APT::Keep-Downloaded-Packages "true";
APT::Keep-Downloaded-Packages "true";'
    copy_network "$host"
    copy_tree "$host"
}

# Puts in the place of two commands what works here: apt-get, for which pid 1 lends its network, and
# systemctl.
put_stand_ins() {
    mkdir -p "$host/opt/stand-in"
    # shellcheck disable=SC2016 # the host's shell expands
    printf '#!/bin/sh\nexec nsenter --net=/proc/1/ns/net /usr/bin/apt-get "$@"\n' >"$host/opt/stand-in/apt-get"
    cp "$root/tools/check-install/systemctl" "$host/opt/stand-in/systemctl"
    chmod 755 "$host"/opt/stand-in/*
}

# Makes what the document says that one has: a producer, trusted by its certificate, and its token;
# and makes the two names known.
make_premises() {
    local producer=$host/root/producer authority=$host/usr/local/share/ca-certificates/producer.crt
    mkdir -m 700 "$producer"
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=Authority of the producer" \
        -keyout "$producer/ca.key" -out "$authority" 2>/dev/null
    openssl req -newkey rsa:2048 -nodes -subj "/CN=secrets.example" \
        -keyout "$producer/secrets.example.key" -out "$producer/request" 2>/dev/null
    openssl x509 -req -in "$producer/request" -CA "$authority" -CAkey "$producer/ca.key" -CAcreateserial \
        -CAserial "$producer/serial" -days 30 -extfile <(echo "subjectAltName = DNS:secrets.example") \
        -out "$producer/secrets.example.crt" 2>/dev/null
    openssl rand -hex 32 >"$host/root/producer-token"
    in_host update-ca-certificates >/dev/null
    printf '10.0.0.1 pg.example\n127.0.0.1 secrets.example\n' >>"$host/etc/hosts"
    in_host sh -c 'apt-get -q update && apt-get -q -y install python3 ccache' >"$folder/premises.log" 2>&1 ||
        die "the packages of the test cannot be had; see $folder/premises.log"
}

# Puts what a check needs beside the tree into the host; a check may have its own.
bring() {
    :
}

run_inside() {
    exec 9>"$folder.lock"
    flock -n 9 || die "another run uses $folder"
    mkdir -p "$folder"
    make_host
    put_stand_ins
    make_premises
    bring
    # By these the host's script knows that it is not on the machine.
    printf '%s\n' "$outer_namespaces" >"$host/run/outer-namespaces"
    unshare --net -- "$0" offline
}

# Gives the network its two addresses and goes on in the host.
run_offline() {
    local status=0
    in_host ip link set lo up
    in_host ip address add 10.0.0.1/8 dev lo
    in_host "$host_script" || status=$?
    [ "$status" = 0 ] || echo "$me: the host's files are in $host" >&2
    return "$status"
}

new_host() {
    mkdir -p "$(dirname "$folder")"
    case ${1:-} in
        '')
            outer_namespaces=$(readlink /proc/self/ns/mnt /proc/self/ns/pid /proc/self/ns/net)
            export outer_namespaces
            run_outside
            ;;
        inside) run_inside ;;
        offline) run_offline ;;
        *) die "usage: tools/$me.sh" ;;
    esac
}
