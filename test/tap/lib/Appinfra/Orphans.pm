# Owns the search for what nobody owns: files of a database that is gone, databases and roles that
# the registry does not know, credentials without a role. Mixed into Appinfra's hosts.
#
#   is_deeply([ $host->orphans ], [], 'nothing is orphaned');
package Appinfra::Orphans;

use strict;
use warnings;
use Carp;
use Time::HiRes qw(sleep time);

# What is ours is labelled with its db_id first and its kind second; what is the registry's is in
# appinfra.pool or appinfra.databases, and its logins are in appinfra.credentials.
use constant ORPHANS => <<'SQL';
WITH known AS (
    SELECT db_id FROM appinfra.pool
    UNION SELECT db_id FROM appinfra.databases WHERE status <> 'dropped'
), labelled AS (
    SELECT classoid, objoid, split_part(label, ' ', 1) AS db_id, split_part(label, ' ', 2) AS kind
      FROM pg_shseclabel WHERE provider = 'appinfra'
)
SELECT 'database ' || datname FROM pg_database d
  LEFT JOIN labelled l ON l.objoid = d.oid AND l.classoid = 'pg_database'::regclass
 WHERE datname NOT IN ('template0', 'template1', 'postgres', 'control')
   AND (l.kind IS NULL OR l.kind <> 'template' AND l.db_id NOT IN (SELECT db_id FROM known))
UNION ALL
SELECT 'role ' || rolname FROM pg_authid r
  LEFT JOIN labelled l ON l.objoid = r.oid AND l.classoid = 'pg_authid'::regclass
 WHERE r.oid <> 10 AND rolname !~ '^(pg|appinfra)_'
   AND (l.kind IS NULL OR l.db_id NOT IN (SELECT db_id FROM known)
        OR l.kind = 'login' AND rolname NOT IN (SELECT username FROM appinfra.credentials))
UNION ALL
SELECT 'credential ' || username FROM appinfra.credentials c
 WHERE state <> 'gone'
   AND NOT EXISTS (SELECT FROM pg_authid WHERE rolname = c.username)
 ORDER BY 1
SQL

# Returns what nobody owns: database directories without a database, and databases and roles that
# the registry does not know. An empty list is what every test of a crash must end with. Names of
# databases and roles that the test itself made are given as arguments.
sub orphans
{
	my ($self, @mine) = @_;
	my @found = $self->_unknown_directories;
	# a database that is being made or dropped has its directory without its row
	for (my $deadline = time + 10; @found && time < $deadline; sleep 0.1)
	{
		my %still = map { $_ => 1 } $self->_unknown_directories;
		@found = grep { $still{$_} } @found;
	}
	my %mine = map { $_ => 1 } @mine;
	return (map { "directory $_" } @found), grep { !$mine{ s/^\S+ //r } } split /\n/, $self->control(ORPHANS);
}

# Directories of databases that pg_database does not know.
sub _unknown_directories
{
	my ($self) = @_;
	opendir my $base, $self->data_dir . '/base' or croak "base: $!";
	my @directories = grep { /^\d+$/ } sort readdir $base;
	my %known = map { $_ => 1 } split /\n/, $self->control('SELECT oid FROM pg_database');
	return map { "base/$_" } grep { !$known{$_} } @directories;
}

1;
