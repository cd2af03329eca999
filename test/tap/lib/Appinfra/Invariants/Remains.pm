# Owns the invariants of what there is, for Appinfra::Invariants: databases, roles and what depends on them,
# what tenants have written, the names of all things, and what logs complain of.
package Appinfra::Invariants::Remains;

use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Appinfra::Timelines qw(contradictions snapshot);

sub _orphans { my ($self) = @_; return @{ $self->{orphans} //= [ $self->{host}->orphans ] }; }

sub _dangling
{
	my ($self) = @_;
	return $self->rows(<<'SQL');
SELECT 'label ' || classoid::regclass || ' ' || objoid FROM pg_shseclabel l
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE oid = objoid AND classoid = 'pg_database'::regclass)
   AND NOT EXISTS (SELECT FROM pg_authid WHERE oid = objoid AND classoid = 'pg_authid'::regclass)
UNION ALL
SELECT 'setting ' || setdatabase || ' ' || setrole FROM pg_db_role_setting
 WHERE setdatabase <> 0 AND NOT EXISTS (SELECT FROM pg_database WHERE oid = setdatabase)
    OR setrole <> 0 AND NOT EXISTS (SELECT FROM pg_authid WHERE oid = setrole)
UNION ALL
SELECT 'membership ' || roleid || ' ' || member FROM pg_auth_members
 WHERE NOT EXISTS (SELECT FROM pg_authid WHERE oid = roleid) OR NOT EXISTS (SELECT FROM pg_authid WHERE oid = member)
UNION ALL
SELECT 'dependency ' || dbid || ' ' || refobjid FROM pg_shdepend
 WHERE dbid <> 0 AND NOT EXISTS (SELECT FROM pg_database WHERE oid = dbid)
    OR refclassid = 'pg_authid'::regclass AND NOT EXISTS (SELECT FROM pg_authid WHERE oid = refobjid)
SQL
}

# {db_id} of the marks that are in each tenant's database.
sub _marks
{
	my ($self) = @_;
	return $self->{marks} if $self->{marks};
	for my $row ($self->rows("SELECT db_id, database FROM appinfra.databases WHERE status IN ('ready', 'revoked')"))
	{
		my ($db_id, $database) = split /\|/, $row;
		my $there = $self->{host}->safe_psql($database, "SELECT to_regclass('public.marks') IS NOT NULL");
		$self->{marks}{$db_id} = { map { $_ => 1 } split /\n/, $there eq 't' ? $self->{host}->safe_psql($database, 'SELECT mark FROM public.marks') : '' };
	}
	return $self->{marks};
}

sub _misplaced
{
	my ($self) = @_;
	my $marks = $self->_marks;
	return map { my $db_id = $_; map { "$_ is in $db_id" } grep { !/^$db_id / } keys %{ $marks->{$db_id} } } keys %$marks;
}

sub _lost_writes
{
	my ($self) = @_;
	my $marks = $self->_marks;
	return () unless $self->{lossless};
	return grep { my ($db_id) = split / /; $marks->{$db_id} && !$marks->{$db_id}{$_} } $self->{journal}->writes;
}

sub _contradictions
{
	my ($self) = @_;
	$self->{contradictions} //= [ contradictions($self->{peer}, $self->{journal}->snapshots, snapshot($self->{host})) ];
	return @{ $self->{contradictions} };
}

# Variables that the producer holds in a version above the registry's: whatever is published next would be refused there.
sub _fallen
{
	my ($self) = @_;
	my $store = $self->{peer}->store;
	return grep { my ($target, $variable, $version) = /^(.*) (\S+) (\d+)$/; ($store->{$target}{$variable}{version} // 0) > $version }
	  $self->rows("SELECT target || ' ' || v || ' ' || version FROM appinfra.bindings, unnest(variables) v WHERE NOT ended");
}

# A server logs what has ended its processes; SIGKILL is ours, and so is a log of what is written that had no room.
sub _crashes
{
	my ($self) = @_;
	my @lines = map { slurp_file($_->logfile) =~ /^(.*(?:PANIC|TRAP|was terminated by signal (?!9\b)\d+|server process .* exited with exit code [^01]).*)$/mg } $self->{fates}->hosts;
	my $full = grep { /PANIC: .*No space left on device/ } @lines;
	@lines = grep { !/PANIC: .*No space left on device/ && !(/terminated by signal 6\b/ && $full-- > 0) } @lines;
	return (@lines, $self->{fates}->complaints, $self->_errors_of_workers);
}

# What workers have complained of since all is quiet.
sub _errors_of_workers
{
	my ($self) = @_;
	my $log = substr slurp_file($self->{host}->logfile), $self->{quiet};
	return $log =~ /^(\S+ \S+ \S+ \[\d+\] (?:ERROR|FATAL|PANIC):.*)$/mg;
}

1;
