# shellcheck shell=bash disable=SC2154
# Sourced by tools/deps.sh. Installs missing packages as root, without questions.
#
# The rule: no cluster of this machine is touched. Debian's server package creates and starts a
# cluster on a fresh machine and restarts running ones on upgrade. Two drop-ins prevent both while
# apt-get runs and are removed afterwards: one in createcluster.d, and a policy-rc.d if there is
# none. An upgrade replaces files only; who runs an old server keeps it until the next restart.

dropin=/etc/postgresql-common/createcluster.d/appinfra-no-main-cluster.conf
policy=/usr/sbin/policy-rc.d
policy_mark='# made by appinfra tools/deps-install.sh, for the time of one apt-get'

# The oldest minor version of each major one that is safe to run (as in extension/base/security_floors.hpp).
declare -A security_floor=([15]=15.20 [16]=16.16 [17]=17.12 [18]=18.6)

keep_services_still() {
    mkdir -p "$(dirname "$dropin")"
    echo 'create_main_cluster = false' >"$dropin"
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\n%s\nexit 101\n' "$policy_mark" >"$policy"
        chmod 755 "$policy"
    fi
}

release_services() {
    rm -f "$dropin"
    rmdir --ignore-fail-on-non-empty "$(dirname "$dropin")" 2>/dev/null || true
    if [ -f "$policy" ] && grep -qxF "$policy_mark" "$policy"; then
        rm -f "$policy"
    fi
}

# Prints the version of the installed server, such as 15.18, or nothing.
server_version() {
    local config
    config=$("$here/find-pg-config")
    [ -x "$("$config" --bindir 2>/dev/null)/postgres" ] || return 0
    "$config" --version | sed -nE 's/^PostgreSQL ([0-9.]+).*/\1/p'
}

# Succeeds when $1 is an older version than $2.
older() {
    [ "$1" != "$2" ] && [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

# Prints the server packages to upgrade: those below the security floor, if apt knows a newer one.
outdated() {
    local version major floor candidate
    version=$(server_version)
    major=${version%%.*}
    floor=${security_floor[${major:-0}]:-}
    if [ -z "$floor" ] || ! older "$version" "$floor"; then
        return 0
    fi
    if [ "$(id -u)" = 0 ]; then
        apt update >/dev/null 2>&1 || true # old lists would hide the newer one
    fi
    candidate=$(apt-cache policy "postgresql-$major" | sed -nE 's/^ *Candidate: ([0-9.]+).*/\1/p')
    if [ -n "$candidate" ] && older "$version" "$candidate"; then
        echo "postgresql-$major" "postgresql-client-$major" "postgresql-server-dev-$major" libpq-dev libpq5
    else
        echo "appinfra: PostgreSQL $version is below its security floor $floor, and apt has no newer one" >&2
    fi
}

apt() {
    DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get -q -o DPkg::Lock::Timeout=600 \
        -o Dpkg::Options::=--force-confold "$@" </dev/null
}

install_groups() {
    local packages log
    packages=$(missing "$@" | sort -u | tr '\n' ' ')
    case " $* " in *" build "*) packages+=$(outdated) ;; esac
    [ -n "${packages// /}" ] || return 0
    if [ "$(id -u)" != 0 ]; then
        verify "$@"
        return
    fi
    exec 9>/run/lock/appinfra-deps.lock
    flock 9
    log=$(mktemp /tmp/appinfra-apt.XXXXXX)
    trap release_services EXIT
    keep_services_still
    echo "appinfra: installing $packages"
    # shellcheck disable=SC2086 # a list of package names
    if ! { apt update && apt install -y --no-install-recommends $packages; } >"$log" 2>&1; then
        tail -n 30 "$log" >&2
        echo "appinfra: installing packages failed; the whole output is in $log" >&2
        return 1
    fi
    rm -f "$log"
    release_services
    hash -r
    verify "$@"
}
