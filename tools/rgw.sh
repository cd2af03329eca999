#!/usr/bin/env bash
# Brings a private Ceph object gateway (one monitor, one OSD on a sparse file, one radosgw) up from
# nothing, and down again. Loopback only; nothing of the system's own Ceph is read or changed.
#
#   tools/rgw.sh up DIR PORT     starts it, or starts it again, on 127.0.0.1:PORT (S3 and /admin) and PORT+1
#                       (monitor); returns when it answers. DIR/admin.env (0600) says how to reach it
#   tools/rgw.sh another DIR PORT  starts another gateway of it, on 127.0.0.1:PORT, which ends with it
#   tools/rgw.sh down DIR        stops what `up DIR` started. The data stays; remove DIR to forget it
#   tools/rgw.sh admin DIR ...   runs radosgw-admin against it
#
# On Debian 12 (amd64, arm64); as root until the programs are there, then as any user. They are Debian
# 13's ceph 18.2, unpacked, not installed, into RGW_ROOT (default /var/cache/appinfra/ceph-SUITE): 30 to
# 60 s and 510 MB, once. They run by their own loader, without a chroot. RGW_SUITE=bookworm takes Debian
# 12's ceph 16.2 instead.
# RGW_CONF names a file with further lines for [client.rgw]; RGW_GIB is the size of the store (10);
# RGW_TIMEOUT bounds each wait for a daemon (60 s); RGW_MIRROR is a Debian mirror other than apt's own.
set -euo pipefail

suite=${RGW_SUITE:-trixie}
tree=${RGW_ROOT:-/var/cache/appinfra/ceph-$suite}
admin_uid=appinfra
admin_caps='users=*;buckets=*;metadata=read;usage=read'

die() {
    echo "rgw: $*" >&2
    exit 1
}

usage() {
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

# --- the programs ---------------------------------------------------------------------------------

require_host() {
    # shellcheck disable=SC1091
    [ "$(. /etc/os-release && echo "$ID$VERSION_ID")" = debian12 ] || die "needs Debian 12"
    case $(dpkg --print-architecture) in
    amd64 | arm64) ;;
    *) die "needs amd64 or arm64" ;;
    esac
}

# Prints the mirror from which this machine has its own Debian.
# shellcheck disable=SC2016 # apt fills in the field
own_mirror() {
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' \
        'Codename: bookworm' | sort -u | head -n 1
}

# Has apt read its lists. Its time-out for locks does not hold for that of the lists.
update_lists() {
    local tries
    for ((tries = 60; tries > 0; tries--)); do
        if apt-get update -qq 2>/dev/null; then return; fi
        sleep 2
    done
    die "apt cannot read its lists: try apt-get update"
}

# Unpacks the programs into the tree, unless a finished one is there. Several callers may race.
unpack() {
    local mirror
    [ -e "$tree/unpacked" ] && return
    [ "$(id -u)" = 0 ] || die "the programs are not in $tree yet: run \"rgw up\" once as root"
    mkdir -p "$(dirname "$tree")"
    exec 9>"$tree.lock"
    flock 9
    [ -e "$tree/unpacked" ] && return
    [ -n "${RGW_MIRROR:-$(own_mirror)}" ] || update_lists
    if ! command -v mmdebstrap >/dev/null; then
        update_lists
        DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -y -qq \
            --no-install-recommends mmdebstrap >/dev/null || die "cannot install mmdebstrap"
    fi
    mirror=${RGW_MIRROR:-$(own_mirror)}
    [ -n "$mirror" ] || die "apt names no Debian mirror; set RGW_MIRROR"
    rm -rf "$tree.new" "$tree"
    mmdebstrap --quiet --variant=extract --include=radosgw,ceph-mon,ceph-osd "$suite" "$tree.new" \
        "$mirror" || die "cannot unpack ceph of $suite"
    touch "$tree.new/unpacked"
    mv "$tree.new" "$tree"
    exec 9>&-
}

# Runs one of the tree's programs.
program() {
    local name=$1
    shift
    "${loader[@]}" "$tree/usr/bin/$name" "$@"
}

find_programs() {
    local base file
    lib=$(echo "$tree"/usr/lib/*-linux-gnu)
    base=$tree/lib/${lib##*/} # before the folders were merged, libc was here
    for file in "$lib"/ld-linux-*.so.* "$base"/ld-linux-*.so.*; do
        if [ -x "$file" ]; then loader=("$file" --library-path "$lib:$lib/ceph:$base"); fi
    done
    [ -n "${loader:-}" ] || die "$tree holds no programs"
}

# --- the cluster ----------------------------------------------------------------------------------

write_conf() {
    cat <<CONF
[global]
fsid = $1
mon_host = v2:127.0.0.1:$((port + 1))
ms_bind_ipv6 = false
public_network = 127.0.0.0/8
cluster_network = 127.0.0.0/8
keyring = $dir/keyring
run_dir = $dir/run
admin_socket = $dir/run/\$name.asok
pid_file = $dir/run/\$name.pid
log_file = $dir/log/\$name.log
log_to_stderr = false
err_to_stderr = false
mon_cluster_log_file = $dir/log/cluster.log
crash_dir = $dir/run
osd_class_dir = $lib/rados-classes
erasure_code_dir = $lib/ceph/erasure-code
plugin_dir = $lib/ceph
auth_allow_insecure_global_id_reclaim = false
# one OSD, one copy
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
osd_crush_update_on_start = true
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
mon_data_avail_warn = 1
mon_data_avail_crit = 0
mon_osd_nearfull_ratio = 0.99
mon_osd_full_ratio = 0.995
# a machine that stalls for seconds must not leave a placement group unreadable for ever
osd_heartbeat_grace = 3600
# a private cluster need not gather changes
paxos_propose_interval = 0.02
paxos_min_wait = 0.01
# the watch of a gateway that was killed holds up the next change until it is over
osd_client_watch_timeout = 5
osd_objectstore = bluestore
bluestore_block_size = $((${RGW_GIB:-10} << 30))
bluestore_cache_autotune = false
bluestore_cache_size = 67108864
bluefs_buffered_io = true
osd_op_num_shards = 2
osd_op_num_threads_per_shard = 1
osd_mclock_skip_benchmark = true

[mon.a]
mon_data = $dir/mon

[osd.0]
osd_data = $dir/osd

[client.rgw]
rgw_data = $dir/run
rgw_frontends = beast endpoint=127.0.0.1:$port tcp_nodelay=1
rgw_thread_pool_size = 64
rgw_dns_name = s3.localhost
rgw_enable_usage_log = true
rgw_usage_log_tick_interval = 1
rgw_usage_log_flush_threshold = 1
CONF
    if [ -n "${RGW_CONF:-}" ]; then cat "$RGW_CONF"; fi
}

# Makes what the daemons need to start for the first time: keys, maps, the monitor's and the OSD's
# stores. The OSD map names osd.0 already, so that no command to the monitor is needed.
make_cluster() {
    local fsid
    fsid=$(cat /proc/sys/kernel/random/uuid)
    rm -rf "$dir"/{mon,osd,run,log,keyring,ceph.conf}
    mkdir -p "$dir"/{mon,osd,run,log}
    write_conf "$fsid" >"$dir/ceph.conf"
    (
        umask 077
        program ceph-authtool -C "$dir/keyring" --gen-key -n mon. --cap mon 'allow *'
        program ceph-authtool "$dir/keyring" --gen-key -n client.admin --cap mon 'allow *' \
            --cap osd 'allow *'
        program ceph-authtool "$dir/keyring" --gen-key -n osd.0 --cap mon 'allow profile osd' \
            --cap osd 'allow *'
        program ceph-authtool "$dir/keyring" --gen-key -n client.rgw --cap mon 'allow rw' \
            --cap osd 'allow rwx'
        program monmaptool --create --addv a "[v2:127.0.0.1:$((port + 1))]" --fsid "$fsid" \
            "$dir/monmap"
        program osdmaptool --createsimple 1 --clobber "$dir/osdmap"
        program ceph-mon -i a --mkfs --monmap "$dir/monmap" --osdmap "$dir/osdmap" \
            --keyring "$dir/keyring"
        program ceph-osd -i 0 --mkfs --no-mon-config \
            --osd-uuid "$(cat /proc/sys/kernel/random/uuid)"
    ) >"$dir/log/mkfs" 2>&1 || {
        tail -n 20 "$dir/log/mkfs" >&2
        die "cannot make the cluster in $dir"
    }
    rm -f "$dir/monmap" "$dir/osdmap"
}

# Starts a daemon, which stays in the background, and remembers its process.
start() {
    local name=$1
    shift
    setsid "${loader[@]}" "$tree/usr/bin/$1" "${@:2}" -f </dev/null >"$dir/log/$name.out" 2>&1 9>&- &
    echo "$! $(start_time $!)" >"$dir/run/$name.process"
}

# When the process started: a process of the same number but another time is another's.
start_time() {
    sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

alive() {
    local pid born
    [ -e "$dir/run/$1.process" ] && read -r pid born <"$dir/run/$1.process" &&
        [ "$(start_time "$pid")" = "$born" ]
}

await() {
    local tries=${RGW_TIMEOUT:-60} what=$1
    shift
    for ((tries *= 20; tries > 0; tries--)); do
        if "$@" >/dev/null 2>&1; then return; fi
        for daemon in mon osd rgw another; do
            if [ -e "$dir/run/$daemon.process" ] && ! alive "$daemon"; then
                tail -n 20 "$dir/log/$daemon.out" >&2
                die "$daemon ended while waiting until $what; see $dir/log"
            fi
        done
        sleep 0.05
    done
    die "gave up waiting until $what; see $dir/log"
}

# Makes the administrator, whose keys radosgw makes: they are in no argument and in no log.
make_admin() {
    local user
    user=$(program radosgw-admin -n client.rgw user create --uid=$admin_uid --display-name=appinfra \
        --max-buckets=0 --caps="$admin_caps" 2>>"$dir/log/admin") ||
        die "cannot make the administrator; see $dir/log/admin"
    (
        umask 077
        echo "RGW_ENDPOINT=http://127.0.0.1:$port"
        sed -nE 's/.*"(access_key|secret_key)": "(.*)".*/RGW_\U\1\E=\2/p' <<<"$user"
    ) >"$dir/admin.env.new"
    [ "$(wc -l <"$dir/admin.env.new")" = 3 ] || die "radosgw-admin answered no keys"
    mv "$dir/admin.env.new" "$dir/admin.env"
}

# An answer that needs the OSD: a bucket that is not there.
answers() {
    [ "$(curl -s -o /dev/null -w '%{http_code}' --max-time 5 "http://127.0.0.1:$port/rgw-answers")" = 404 ]
}

listens() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

up() {
    port=$2
    require_host
    case $port in '' | *[!0-9]*) die "PORT must be a number" ;; esac
    if [ "$port" -lt 1024 ] || [ "$port" -gt 65534 ]; then die "PORT must be within 1024 and 65534"; fi
    mkdir -p "$1" && dir=$(cd "$1" && pwd)
    exec 8>"$dir/lock"
    flock -n 8 || die "another rgw works on $dir"
    if [ -e "$dir/admin.env" ]; then
        grep -qx "RGW_ENDPOINT=http://127.0.0.1:$port" "$dir/admin.env" ||
            die "$dir has another port: $(sed -n 1p "$dir/admin.env")"
        if alive rgw && answers; then
            echo "rgw: is up"
            return
        fi
    fi
    stop_all # what a start that was killed has left
    if listens "$port" || listens $((port + 1)); then die "port $port or $((port + 1)) is in use"; fi
    unpack
    find_programs
    export CEPH_CONF=$dir/ceph.conf
    # what an earlier start did not finish is no cluster
    if [ ! -e "$dir/admin.env" ]; then make_cluster; fi
    start mon ceph-mon -i a 8>&-
    await "the monitor listens" listens $((port + 1))
    start osd ceph-osd -i 0 8>&-
    if [ ! -e "$dir/admin.env" ]; then make_admin; fi
    start rgw radosgw -n client.rgw 8>&-
    await "the gateway answers" answers
    echo "rgw: up; $dir/admin.env says how to reach it"
}

# Starts a second gateway of a cluster that is up.
another() {
    dir=$(cd "$1" 2>/dev/null && pwd) || die "$1 is no folder"
    port=$2
    exec 8>"$dir/lock"
    flock -n 8 || die "another rgw works on $dir"
    alive rgw || die "$dir is not up"
    if alive another; then die "$dir has another gateway"; fi
    if listens "$port"; then die "port $port is in use"; fi
    find_programs
    export CEPH_CONF=$dir/ceph.conf
    start another radosgw -n client.rgw --rgw-frontends "beast endpoint=127.0.0.1:$port tcp_nodelay=1" \
        --pid-file "$dir/run/another.pid" --admin-socket "$dir/run/another.asok" \
        --log-file "$dir/log/another.log" 8>&-
    await "the other gateway answers" answers
    echo "rgw: another gateway answers on port $port"
}

# Stops the daemons that a start has left, the gateway first.
stop_all() {
    local daemon pid tries
    for daemon in another rgw osd mon; do
        alive "$daemon" || continue
        read -r pid _ <"$dir/run/$daemon.process"
        kill -TERM "$pid"
        for ((tries = 200; tries > 0; tries--)); do
            alive "$daemon" || break
            sleep 0.05
        done
        # one that is past its time: the stores survive a kill
        if alive "$daemon"; then kill -KILL "$pid"; fi
    done
    rm -f "$dir"/run/*
}

down() {
    dir=$(cd "$1" 2>/dev/null && pwd) || die "$1 is no folder"
    exec 8>"$dir/lock"
    flock 8
    stop_all
    echo "rgw: down"
}

admin() {
    dir=$(cd "$1" 2>/dev/null && pwd) || die "$1 is no folder"
    shift
    find_programs
    export CEPH_CONF=$dir/ceph.conf
    program radosgw-admin -n client.rgw "$@"
}

case "${1:-} $#" in
'up 3') up "$2" "$3" ;;
'another 3') another "$2" "$3" ;;
'down 2') down "$2" ;;
admin*) [ $# -ge 3 ] || usage && shift && admin "$@" ;;
*) usage ;;
esac
