#!/usr/bin/env bash
# Owns the list of packages appinfra needs, and how they get on a machine.
#
#   tools/deps.sh verify GROUP...    name what is missing with the command that installs it; exit 1
#   tools/deps.sh install GROUP...   install it (root only), touching no cluster of this machine
#
# Groups: bench, build, check, clients, deb, extensions, flaky, format, lint, major. Each need is probed by what is used (a
# command, a header, a module), not by package name, so that other sources of the same thing count.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

# group | package | kind | probe
needs() {
    local major=$1
    cat <<LIST
build|make|command|make
build|g++|command|g++
build|postgresql-$major|server|postgres
build|postgresql-server-dev-$major|pgxs|pgxs
build|libkrb5-dev|header|gssapi/gssapi.h
build|libssl-dev|header|openssl/sha.h
build|cmake|command|cmake
build|pkg-config|command|pkg-config
build|libpq-dev|pkgconfig|libpq
build|libcurl4-openssl-dev|pkgconfig|libcurl
build|libjansson-dev|pkgconfig|jansson
build|libyaml-dev|pkgconfig|yaml-0.1
build|libspdlog-dev|pkgconfig|spdlog
build|libcli11-dev|header|CLI/CLI.hpp
build|$(boost_package)|header|boost/beast/version.hpp
build|libjwt-dev|pkgconfig|libjwt
build|prometheus-cpp-dev|header|prometheus/registry.h
build|libgtest-dev|header|gtest/gtest.h
check|libipc-run-perl|perl|IPC::Run
check|perl|command|prove
check|python3|command|python3
check|openssl|command|openssl
check|curl|command|curl
quickstart|curl|command|curl
check|procps|command|ps
check|pgbouncer|command|pgbouncer
check|tmux|command|tmux
check|man-db|command|man
check|zsh|command|zsh
check|util-linux|command|setpriv
check|iproute2|file|/sbin/ip
check|mmdebstrap|command|mmdebstrap
check|python3-boto3|python|boto3
clients|python3-psycopg|python|psycopg
clients|python3-psycopg2|python|psycopg2
clients|python3-sqlalchemy|python|sqlalchemy
clients|python3-django|python|django
clients|default-jdk-headless|command|javac
clients|libpostgresql-jdbc-java|file|/usr/share/java/postgresql.jar
clients|ruby-activerecord|ruby|active_record
clients|ruby-pg|ruby|pg
clients|golang-go|command|go
clients|golang-github-lib-pq-dev|file|/usr/share/gocode/src/github.com/lib/pq/conn.go
clients|nodejs|command|node
clients|npm|command|npm
clients|s3cmd|command|s3cmd
clients|rclone|command|rclone
bench|gnuplot-nox|command|gnuplot
bench|jq|command|jq
bench|python3-boto3|python|boto3
bench|python3-psycopg2|python|psycopg2
bench|valgrind|command|valgrind
bench|wrk|command|wrk
extensions|postgresql-$major-postgis-3|extension|postgis
extensions|postgresql-$major-pgvector|extension|vector
deb|debhelper|command|dh
deb|dpkg-dev|command|dpkg-buildpackage
deb|lintian|command|lintian
deb|postgresql-server-dev-all|command|pg_buildext
flaky|stress-ng|command|stress-ng
format|clang-format|command|clang-format
lint|clang-tidy|command|clang-tidy
lint|cppcheck|command|cppcheck
major|debootstrap|command|debootstrap
major|util-linux|command|setpriv
LIST
}

# Prints the major version to build for: that of the pg_config in use, else PG_MAJOR, else 15.
server_major() {
    local version
    version=$("$("$here/find-pg-config")" --version 2>/dev/null || true)
    sed -nE 's/^PostgreSQL ([0-9]+).*/\1/p' <<<"${version:-PostgreSQL ${PG_MAJOR:-15}}"
}

# Prints the package with the Boost that the sidecar needs, 1.81 or later. Debian 12 has an older one
# under the plain name.
boost_package() {
    if grep -qs '^VERSION_CODENAME=bookworm$' /etc/os-release; then
        echo libboost1.81-dev
    else
        echo libboost-dev
    fi
}

# Succeeds when the need is met on this machine.
present() {
    local kind=$1 probe=$2 config
    config=$("$here/find-pg-config")
    case $kind in
        command) command -v "$probe" >/dev/null ;;
        header) echo "#include <$probe>" | g++ -E -x c++ - >/dev/null 2>&1 ;;
        pkgconfig) pkg-config --exists "$probe" 2>/dev/null ;;
        perl) perl -M"$probe" -e1 2>/dev/null ;;
        python) /usr/bin/python3 -c "import $probe" 2>/dev/null ;;
        ruby) ruby -e "require '$probe'" 2>/dev/null ;;
        file) [ -f "$probe" ] ;;
        server) [ -x "$("$config" --bindir 2>/dev/null)/postgres" ] ;;
        extension) [ -f "$("$config" --sharedir 2>/dev/null)/extension/$probe.control" ] ;;
        pgxs) [ -f "$("$config" --pgxs 2>/dev/null)" ] ;;
    esac
}

# Prints the packages of the given groups that are missing.
missing() {
    local group package kind probe
    while IFS='|' read -r group package kind probe; do
        case " $* " in *" $group "*) present "$kind" "$probe" || echo "$package" ;; esac
    done < <(needs "$(server_major)")
}

verify() {
    local packages
    packages=$(missing "$@" | sort -u | tr '\n' ' ')
    [ -z "$packages" ] && return 0
    echo "appinfra: missing: $packages" >&2
    echo "appinfra: install with:  apt-get install -y --no-install-recommends $packages" >&2
    return 1
}

mode=${1:?verify or install}
shift
case $mode in
    verify) verify "$@" ;;
    install) . "$here/deps-install.sh"; install_groups "$@" ;;
    *) echo "usage: tools/deps.sh verify|install GROUP..." >&2; exit 2 ;;
esac
