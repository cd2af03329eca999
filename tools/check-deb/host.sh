#!/usr/bin/env bash
# What tools/check-deb.sh runs inside the host: it becomes one by the packages, by docs/operations.md.
#
# The section "Install from packages" takes the place of the first step of "Install on Debian 12", whose
# other steps are run as they stand there. When the app has logged in, the packages are purged by the
# section "Removing the packages": nothing of theirs may be left, and all that is the operator's.
set -eEuo pipefail
trap 'echo "check-deb: a command in line $LINENO of host.sh fails" >&2' ERR

me=check-deb
# shellcheck source=tools/check-install/lib.sh
. /appinfra/tools/check-install/lib.sh
packages="postgresql-15-appinfra appinfra-sidecar"
written=/etc/appinfra/appinfrad.conf

# Prints a query's answer from the control database.
ask() {
    su postgres -c "psql -XAtq -v ON_ERROR_STOP=1 -d platform -c \"$1\""
}

# Proves that the packages bring what they promise beside the daemon.
look_at_packages() {
    local file
    for file in /usr/sbin/appinfrad /usr/share/doc/appinfra-sidecar/README.md /etc/appinfra/appinfrad.conf; do
        [ -e "$file" ] || die "$file is not there"
    done
    [ "$(stat -c %a /etc/appinfra/secrets)" = 700 ] || die "/etc/appinfra/secrets is open to others"
}

# Prints the files and folders of the packages that nobody else has a part in.
own_files() {
    # shellcheck disable=SC2086 # two words
    dpkg -L $packages | sort -u | while IFS= read -r file; do
        if [ -d "$file" ] && [ ! -L "$file" ] && [[ $file != *appinfra* ]]; then continue; fi
        echo "$file"
    done
}

# Purges by the document, and proves what has gone and what has stayed.
purge() {
    local left said tenants file
    tenants=$(ask "SELECT count(*) FROM appinfra.databases WHERE status = 'ready'")
    own_files >/run/own-files
    [ "$(wc -l </run/own-files)" -gt 40 ] || die "the packages own too little: $(cat /run/own-files)"
    printf '# by the operator\n' >>$written
    commands_of 'Removing the packages' >/run/removal.sh
    [ -s /run/removal.sh ] || die "the document does not say how to remove the packages"
    said=$(bash -euo pipefail /run/removal.sh 2>&1) || die "a command of the document fails: $said"
    for file in "$written" /etc/appinfra/secrets/database-url; do
        [ -e "$file" ] || die "the purge has removed $file, which is the operator's"
        grep -q "rm -r ${file%%/appinfra/*}/appinfra" <<<"$said" || die "the purge does not say how to remove $file: $said"
    done
    left=$(while IFS= read -r file; do
        case $file in /etc/appinfra | /etc/appinfra/secrets) continue ;; esac
        if [ -e "$file" ] || [ -L "$file" ]; then echo "$file"; fi
    done </run/own-files)
    [ -z "$left" ] || die "the purge leaves: $left"
    # shellcheck disable=SC2086 # two words
    if dpkg -s $packages >/run/status 2>&1; then die "dpkg still knows the packages: $(cat /run/status)"; fi
    left=$(find / -xdev \( -name '*appinfra*' \) -not -path '/appinfra*' -not -path '/proc/*' -not -path '/root/*' \
        -not -path '/run/*' -not -path '/var/lib/postgresql/*' -not -path '/opt/stand-in/*' \
        -not -path /etc/appinfra -not -path /etc/appinfra/appinfrad.conf \
        -not -path /etc/postgresql/15/main/conf.d/appinfra.conf -not -path '/var/log/appinfrad*.log')
    [ -z "$left" ] || die "the purge leaves: $left"
    pg_ctlcluster 15 main restart || die "the cluster does not start without the package"
    [ "$(ask "SELECT count(*) FROM appinfra.tenant WHERE status = 'ready'")" = "$tenants" ] || die "the registry is not as it was"
    su postgres -c 'psql -XAtq -d app_myapp -c "SELECT 1"' >/dev/null || die "the tenant's database has gone"
}

refuse_outside
start_producer
cd /root/packages
{
    commands_of 'Install from packages'
    commands_of 'Install on Debian 12' | sed '1,/^$/d'
} >/run/commands.sh
grep -q 'apt-get install .*\.deb' /run/commands.sh || die "the document installs no package"
if grep -q 'make install' /run/commands.sh; then die "the document compiles"; fi
seconds=$(follow /run/commands.sh)
log_in
look_at_packages
systemd-analyze verify /lib/systemd/system/appinfrad.service || die "systemd does not take the unit"
systemctl stop appinfrad
purge
pg_ctlcluster 15 main stop -m fast
du -ch /root/packages/*.deb | sed 's|/root/packages/||; s|^|check-deb: |'
echo "check-deb: from the packages to the first delivered DSN: $seconds s"
