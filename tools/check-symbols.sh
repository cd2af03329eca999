#!/usr/bin/env bash
# Proves two things about the shared library, so that nobody has to remember them:
# it needs nothing of the C++ run time (an exception or an allocation failure there would end the
# backend and restart every tenant), and it exports our own entry points only, _PG_init among them
# (PostgreSQL 15 silently never calls a hidden one).
#
#   tools/check-symbols.sh LIBRARY INSTALL-SCRIPT-DIRECTORY
set -euo pipefail

library=${1:?library}
scripts=${2:?directory of the install scripts}
failed=0

complain() {
    echo "check-symbols: $1" >&2
    failed=1
}

# The mangled forms: operator new/delete (_Zn*, _Zd*), anything in std (_ZSt, _ZNSt, _ZNKSt).
run_time='^(__cxa_(throw|rethrow|begin_catch|end_catch|allocate_exception|free_exception|guard_.*|pure_virtual|bad_.*|atexit|call_unexpected)|_Unwind_.*|__gxx_personality.*|__dynamic_cast|_Zn[wa].*|_Zd[la].*|_ZSt.*|_ZNK?St.*|_ZT[VIS].*)$'
undefined=$(nm -D --undefined-only --format=posix "$library" | awk '{sub(/@.*/, "", $1); print $1}')
bad=$(grep -E "$run_time" <<<"$undefined" || true)
[ -z "$bad" ] || complain "$library needs the C++ run time: $(c++filt <<<"$bad" | tr '\n' ';')"
if readelf -d "$library" | grep -E 'NEEDED.*(libstdc\+\+|libgcc_s)'; then
    complain "$library is linked with the C++ run time"
fi

# Entry points: what the install scripts name with AS 'MODULE_PATHNAME', 'symbol' (or only the
# module, when the symbol is the function's own name).
entry_points() {
    find "$scripts" -name '*.sql' -exec cat {} + |
        sed 's/--.*//' | tr '\n' ' ' | tr ';' '\n' |
        sed -nE "s/.*FUNCTION +([a-z_]+\.)?([a-z0-9_]+) *\(.*AS +'MODULE_PATHNAME'( *, *'([a-zA-Z0-9_]+)')?.*/\4 \2/Ip" |
        awk '{print $1}' | sort -u
}

exported=$(nm -D --defined-only --format=posix "$library" | awk '{sub(/@.*/, "", $1); print $1}')
ours=$(printf '%s
' _PG_init _PG_fini Pg_magic_func appinfra_{scheduler,watchdog,builder,janitor,meter,inspector,setup,release,look,describe,temporary_tables,extension}_main \
    appinfra_tenant_{cancel,terminate}_session appinfra_tenant_{sessions,statements,extensions,set,reset} appinfra_pooler_auth; entry_points)
while read -r symbol; do
    case $symbol in
        '' | _init | _fini | __bss_start | _edata | _end) continue ;;
    esac
    grep -qxF "${symbol#pg_finfo_}" <<<"$ours" || complain "$symbol is exported, but is no entry point of the install script"
done <<<"$exported"
for required in _PG_init Pg_magic_func; do
    grep -qxF "$required" <<<"$exported" || complain "$required is not exported"
done
while read -r symbol; do
    [ -n "$symbol" ] || continue
    grep -qxF "$symbol" <<<"$exported" || complain "the install script names $symbol, which is not exported"
done < <(entry_points)

[ "$failed" = 0 ] || exit 1
echo "check-symbols: $(wc -l <<<"$exported") exported symbols, all ours; no C++ run time needed"
