# shellcheck shell=bash disable=SC2154
# Sourced by tools/check.sh: one pair of functions per suite. has_X says whether there are tests,
# suite_X runs them and ends with the line "X: N passed, N failed".
# The SQL and isolation suites each get a server of their own; its settings are test/regress.conf.

suite_limit=${SUITE_LIMIT:-3600} # seconds, for what hangs
ports=/tmp/appinfra-ports-$server_user # shared, so that two checks do not take the same port

# Copies what the server user has to read, because the clone may be where it cannot.
lay_out() {
    local item
    mkdir -p "$work/tests" "$work/bin" "$work/server" "$work/tools"
    cp "$root/tools/prove.pl" "$work/tools/"
    for item in test sql expected docs tools sidecar/systemd; do
        mkdir -p "$work/tests/$(dirname "$item")"
        if [ -d "$root/$item" ]; then cp -r "$root/$item" "$work/tests/$(dirname "$item")/"; fi
    done
    for item in appinfrad appinfra; do
        if [ -x "$root/build/sidecar/$item" ]; then cp "$root/build/sidecar/$item" "$work/bin/"; fi
    done
    private_install "$work/server"
    if [ "$(id -u)" = 0 ]; then chown -R "$server_user:" "$work"; fi
}

# --- layout: what the files say of each other, and how they include each other -----------------------
has_layout() {
    true
}

suite_layout() {
    local passed=0 failed=0 check line
    for check in check-consistency.sh check-docs.py "bench-docs.py check" "check-layers.sh $root/extension" "check-layers.sh $root/sidecar"; do
        # shellcheck disable=SC2086 # a script and its argument
        if "$root"/tools/$check; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    done
    for check in check-layers-test.sh check-docs-test.sh bench-docs-test.sh check-build-test.sh check-install-test.sh; do
        line=$("$root/tools/$check" | tee /dev/stderr | tail -n 1) || true
        if [[ $line =~ ^[a-z]+:\ ([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
            passed=$((passed + BASH_REMATCH[1]))
            failed=$((failed + BASH_REMATCH[2]))
        else
            failed=$((failed + 1))
        fi
    done
    echo "layout: $passed passed, $failed failed"
}

# --- symbols -------------------------------------------------------------------------------------
has_symbols() {
    compgen -G "$root/extension/*.cpp" >/dev/null
}

suite_symbols() {
    if "$root/tools/check-symbols.sh" "$root/appinfra.so" "$root/sql/install"; then
        echo "symbols: 1 passed, 0 failed"
    else
        echo "symbols: 0 passed, 1 failed"
    fi
}

# --- sidecar: gtest ------------------------------------------------------------------------------
has_sidecar() {
    compgen -G "$root/test/sidecar/*/*_test.cpp" >/dev/null
}

suite_sidecar() {
    local log=$work/gtest.log status=0
    (cd "$root" && timeout "$suite_limit" build/sidecar/appinfrad_tests --gtest_brief=0 --gtest_color=no) \
        </dev/null >"$log" 2>&1 || status=$?
    if [ "$status" != 0 ]; then
        grep -aE -B 20 '^\[  FAILED  \]|Segmentation|terminate' "$log" | tail -n 200 || tail -n 50 "$log"
    fi
    local passed failed
    passed=$(grep -acE '^\[       OK \]' "$log" || true)
    failed=$(grep -acE '^\[  FAILED  \] .*\([0-9]+ ms\)' "$log" || true)
    echo "sidecar: $passed passed, $failed failed"
    return "$status"
}

# --- buckets: the object store, against Ceph of two versions ----------------------------------------
has_buckets() {
    compgen -G "$root/test/store/*_test.cpp" >/dev/null
}

# Prints a port that is free together with the next one.
free_port_pair() {
    local port
    while port=$(free_port) && ! port_is_free $((port + 1)); do :; done
    echo "$port"
}

# A store that cannot be had is a failure. RGW_SUITE names the Debian whose Ceph is to be the only one.
suite_buckets() {
    local debian dir log passed=0 failed=0
    for debian in ${RGW_SUITE:-trixie bookworm}; do
        dir=$work/rgw-$debian
        log=$work/store-$debian.log
        if RGW_SUITE=$debian "$root/tools/rgw.sh" up "$dir" "$(free_port_pair)"; then
            (
                set -a
                # shellcheck disable=SC1091
                . "$dir/admin.env"
                timeout 120 "$root/build/sidecar/appinfrad_store_tests" --gtest_color=no
            ) </dev/null >"$log" 2>&1 || tail -n 100 "$log"
            passed=$((passed + $(count_results '^\[       OK \]' "$log")))
            failed=$((failed + $(count_results '^\[  FAILED  \] .*\([0-9]+ ms\)' "$log")))
            grep -qE '^\[  PASSED  \]' "$log" || failed=$((failed + 1))
            "$root/tools/rgw.sh" down "$dir"
        else
            failed=$((failed + 1))
        fi
    done
    echo "buckets: $passed passed, $failed failed"
}

# --- regress and isolation -----------------------------------------------------------------------
# Starts a server in $work/$1 with test/regress.conf and an empty control database.
start_test_server() {
    local dir=$work/$1 port
    port=$(free_port)
    as_server mkdir -p "$dir/socket"
    make_cluster "$dir/data"
    {
        cat "$work/tests/test/regress.conf"
        echo "listen_addresses = '127.0.0.1'"
        echo "port = $port"
        echo "unix_socket_directories = '$dir/socket'"
        echo "appinfra.public_port = $port"
    } | as_server tee -a "$dir/data/postgresql.conf" >/dev/null
    write_hba "$dir/data"
    start_cluster "$dir/data" "$dir/server.log"
    export PGHOST=$dir/socket PGPORT=$port PGUSER=postgres
    as_server "$bindir/createdb" contrib_regression
}

# Counts result lines: "test x ... ok" of version 15 and "ok 1 - x" of later ones.
count_results() {
    grep -acE "$1" "$2" || true
}

report_pg_regress() {
    local suite=$1 log=$2 passed failed
    passed=$(count_results '^(test|    ) .*\.\.\. ok|^ok [0-9]+ ' "$log")
    failed=$(count_results '^(test|    ) .*\.\.\. FAILED|^not ok [0-9]+ ' "$log")
    if [ "$failed" != 0 ]; then
        find "$work/$suite" -name regression.diffs -exec cat {} \; | head -n 300
    fi
    echo "$suite: $passed passed, $failed failed"
}

has_regress() {
    grep -qs '^test:' "$root/test/schedule"
}

suite_regress() {
    local status=0 out=$work/regress tests=(--schedule="$work/tests/test/schedule")
    # shellcheck disable=SC2206 # a list of names
    if [ -n "${REGRESS:-}" ]; then tests=(install helpers $REGRESS); fi
    start_test_server regress
    as_server mkdir -p "$out/out"
    as_server timeout "$suite_limit" "$pkglibdir/pgxs/src/test/regress/pg_regress" \
        --inputdir="$work/tests" --outputdir="$out/out" --bindir="$bindir" --use-existing \
        --dbname=contrib_regression "${tests[@]}" 2>&1 |
        tee "$work/regress.out" || status=$?
    report_pg_regress regress "$work/regress.out"
    stop_cluster "$out/data"
    return "$status"
}

has_isolation() {
    compgen -G "$root/test/isolation/specs/*.spec" >/dev/null
}

suite_isolation() {
    local status=0 out=$work/isolation spec names=()
    for spec in "$root"/test/isolation/specs/*.spec; do names+=("$(basename "$spec" .spec)"); done
    # shellcheck disable=SC2206 # a list of names
    if [ -n "${ISOLATION:-}" ]; then names=($ISOLATION); fi
    start_test_server isolation
    as_server "$bindir/psql" -qX -d contrib_regression -c 'CREATE EXTENSION appinfra'
    as_server mkdir -p "$out/out"
    as_server timeout "$suite_limit" "$pkglibdir/pgxs/src/test/isolation/pg_isolation_regress" \
        --inputdir="$work/tests/test/isolation" --outputdir="$out/out" --bindir="$bindir" \
        --use-existing --dbname=contrib_regression "${names[@]}" 2>&1 |
        tee "$work/isolation.out" || status=$?
    report_pg_regress isolation "$work/isolation.out"
    stop_cluster "$out/data"
    return "$status"
}

# --- tap -----------------------------------------------------------------------------------------
# Prints the files to run: those of TAP, or all, of which those in test/tap/longest come first, so that none of
# these is still running when the others are done.
tap_files() {
    local file
    cd "$root" && for file in ${TAP:-$(sed 's|.*|test/tap/&.pl|' test/tap/longest) test/tap/*.pl}; do
        if [ -f "$file" ]; then echo "$file"; fi
    done | awk '!seen[$0]++'
}

# Makes the cluster of which each host of the TAP tests begins as a copy: see Appinfra.pm.
make_template() {
    as_server "$bindir/initdb" -D "$1" -A trust -N --locale=C.UTF-8 --encoding=UTF8 >/dev/null
}

has_tap() {
    [ -n "$(tap_files)" ]
}

suite_tap() {
    local files
    mapfile -t files < <(tap_files)
    as_server mkdir -p -m 700 "$ports" "$work/tap"
    make_template "$work/tap/template"
    cd "$work/tests" || return
    as_server env PATH="$bindir:$PATH" TESTDIR="$work/tap" \
        TESTDATADIR="$work/tap/tmp_check" TESTLOGDIR="$work/tap/tmp_check/log" PG_TEST_PORT_DIR="$ports" \
        PG_REGRESS="$pkglibdir/pgxs/src/test/regress/pg_regress" PG_TEST_TIMEOUT_DEFAULT=120 \
        PERL5LIB="$pkglibdir/pgxs/src/test/perl:$work/tests/test/tap/lib" \
        APPINFRA_SIDECAR="$work/bin/appinfrad" APPINFRA_TESTS="$work/tests/test" \
        APPINFRA_TEMPLATE="$work/tap/template" \
        timeout "$suite_limit" perl "$work/tools/prove.pl" "${JOBS:-$(($(nproc) + 1))}" \
        "$work/tests/test/tap/lib" "${files[@]}"
}

# --- attack --------------------------------------------------------------------------------------
has_attack() {
    [ -x "$root/test/attack/run" ]
}

# The script gets the private installation in APPINFRA_BINDIR and ends with "N passed, N failed".
suite_attack() {
    local status=0
    as_server mkdir -p "$work/attack"
    cd "$work/tests/test/attack" || return
    as_server env APPINFRA_BINDIR="$bindir" APPINFRA_WORK="$work/attack" \
        APPINFRA_SIDECAR="$work/bin/appinfrad" timeout "$suite_limit" ./run 2>&1 |
        tee "$work/attack.out" || status=$?
    tail -n 1 "$work/attack.out" | sed -nE 's/^([0-9]+ passed, [0-9]+ failed)$/attack: \1/p'
    return "$status"
}
