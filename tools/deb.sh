#!/usr/bin/env bash
# `make deb`: the packages of the extension and of the sidecar, into build/deb.
#
# They are built in a copy of the tree, by packaging/debian/rules: one of the extension for each major
# of this Debian, one of the sidecar. Their version is that of control/appinfra.control, so
# debian/changelog is written here; lintian looks at what came out, and an error of it is one of ours.
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
me=deb
# shellcheck source=tools/debian-folder.sh
. "$root/tools/debian-folder.sh"

# Prints the entry of debian/changelog for version $1, of the day of the sources.
changelog() {
    local seconds=${SOURCE_DATE_EPOCH:-}
    [ -n "$seconds" ] || seconds=$(git -C "$root" log -1 --format=%ct 2>/dev/null || date +%s)
    printf 'appinfra (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- %s  %s\n' "$1" \
        "$(sed -n 's/^Maintainer: //p' "$root/packaging/debian/control.in")" "$(date -uRd "@$seconds")"
}

version=$(sed -nE "s/^default_version = '([^']+)'.*/\1/p" "$root/control/appinfra.control")
output=$root/build/deb
source=$output/appinfra-$version
ensure_packages build deb
rm -rf "$output"
mkdir -p "$source"
copy_sources "$source"
cp -a "$source/packaging/debian" "$source/debian"
changelog "$version" >"$source/debian/changelog"
cd "$source"
pg_buildext updatecontrol
DEB_BUILD_OPTIONS="parallel=$(nproc) ${DEB_BUILD_OPTIONS:-}" dpkg-buildpackage -b -us -uc >"$output/build.log" 2>&1 ||
    { tail -n 60 "$output/build.log" >&2; die "the packages are not built; the whole output is in $output/build.log"; }
cd "$output"
rm -rf "$source"
lintian --fail-on error --no-tag-display-limit --allow-root ./*.changes | tee lintian.log
ls -sh ./*.deb
