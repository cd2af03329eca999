#!/usr/bin/env bash
# Makes the manual pages and the completions of the binaries in folder $1, in folder $2. They print all
# of it, of the tables that their --help is made of.
set -euo pipefail
bin=$1
out=$2
mkdir -p "$out"
"$bin/appinfra" --generate man >"$out/appinfra.1"
"$bin/appinfra" --generate bash >"$out/appinfra.bash"
"$bin/appinfra" --generate zsh >"$out/_appinfra"
{
    "$bin/appinfrad" --manual
    for command in $("$bin/appinfrad" --manual=commands); do
        case $command in doctor) here=--unit=none ;; *) here= ;; esac # it would look at this machine's
        "$bin/appinfrad" "$command" $here --manual
    done
} >"$out/appinfrad.8"
"$bin/appinfrad" --manual=file >"$out/appinfrad.conf.5"
