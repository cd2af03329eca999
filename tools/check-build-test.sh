#!/usr/bin/env bash
# Proves that `make` works in a copy of a folder that was built: CMake alone refuses a cache that
# names another folder. Only configures, which takes a second. The last line is "build: N passed, N failed".
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
copy=$(mktemp -d "${TMPDIR:-/tmp}/appinfra-build.XXXXXX")
trap 'rm -rf "$copy"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL
passed=0
failed=0

# $1: what is to be so; the rest: a command that succeeds then.
expect() {
    local log what=$1
    shift
    if log=$("$@" 2>&1); then
        passed=$((passed + 1))
    else
        echo "check-build-test: not so: $what: $log"
        failed=$((failed + 1))
    fi
}

# Configures the sidecar in folder $1 as `make` does, and builds nothing.
configure() {
    make --no-print-directory -C "$copy/$1" sidecar SIDECAR_TARGET=help
}

# Succeeds when the cache in folder $1 is of the sources in folder $2.
is_cache_of() {
    grep -qx "CMAKE_HOME_DIRECTORY:INTERNAL=$copy/$2/sidecar" "$copy/$1/build/sidecar/CMakeCache.txt"
}

mkdir "$copy/first"
cp -r "$root/Makefile" "$root/tools" "$root/control" "$root/sidecar" "$copy/first/"
expect "make configures" configure first
touch "$copy/first/build/sidecar/made-before"
expect "make configures again" configure first
expect "what was built is kept" test -e "$copy/first/build/sidecar/made-before"
cp -r "$copy/first" "$copy/second"
expect "the copy has the first one's cache" is_cache_of second first
expect "make works in the copy" configure second
expect "with a cache of its own" is_cache_of second second
echo "build: $passed passed, $failed failed"
[ "$failed" = 0 ]
