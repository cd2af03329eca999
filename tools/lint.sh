#!/usr/bin/env bash
# `make lint`: clang-tidy over both trees with .clang-tidy, as many files at a time as there are
# processors, then cppcheck for what it does not see. Any finding fails.
#   tools/lint.sh PG_CONFIG
set -euo pipefail
cd "$(dirname "$0")/.."
config=${1:?pg_config}
jobs=$(nproc)
failed=0

extension_flags() {
    printf '%s\n' -std=c++20 -fno-exceptions -fno-rtti -I. -Iextension -D_GNU_SOURCE '-DAPPINFRA_VERSION=""' \
        -isystem "$("$config" --includedir-server)" -isystem "$("$config" --includedir)/internal"
}

# Runs clang-tidy on the files on standard input, quietly but for findings.
tidy() {
    xargs -r -P "$jobs" -n 1 clang-tidy --quiet "$@" 2>/dev/null
}

echo "lint: extension"
mapfile -t flags < <(extension_flags)
flags=("${flags[@]/#/--extra-arg=}")
find extension -name '*.cpp' | sort | tidy "${flags[@]}" || failed=1

# Without precompiled headers, which would hide that a file lacks an include.
echo "lint: sidecar"
cmake -S sidecar -B build/lint -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON -DAPPINFRA_UNITY=OFF >build/lint-cmake.log
find sidecar -name '*.cpp' | sort | tidy -p build/lint || failed=1

echo "lint: cppcheck"
cppcheck --quiet --std=c++20 --language=c++ --enable=warning,performance,portability \
    --inline-suppr --suppress=missingInclude --suppress=missingIncludeSystem \
    --suppress=unknownMacro --suppress=internalAstError --suppress=syntaxError \
    --library=posix -DPGDLLEXPORT= -I. -Iextension -Isidecar -j "$jobs" --error-exitcode=1 \
    extension sidecar || failed=1

[ "$failed" = 0 ] || { echo "lint: there are findings" >&2; exit 1; }
echo "lint: nothing found"
