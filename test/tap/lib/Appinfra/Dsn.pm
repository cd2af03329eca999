# Owns what tests do with a DSN as an app would: take it apart, log in with it, run SQL. The
# password goes to psql in its environment and never on a command line, so that tests which search
# /proc for passwords find only what appinfra did.
package Appinfra::Dsn;

use strict;
use warnings;
use Carp;
use Exporter 'import';
use File::Temp;
use IPC::Run;

our @EXPORT_OK = qw(parse_dsn dsn_env dsn_psql);

# Returns {user, password, host, port, database, sslmode} of postgres://…; dies when it is none.
sub parse_dsn
{
	my ($dsn) = @_;
	$dsn =~ m{^postgres(?:ql)?://([^:@/]+):([^@/]*)@(\[[^\]]+\]|[^:/]+):(\d+)/([^?]+)(?:\?(.*))?$}
	  or croak "not a DSN as appinfra writes them";
	my %dsn = (user => $1, password => $2, host => $3, port => $4, database => $5);
	$dsn{$1} = $2 while ($6 // '') =~ /([^=&]+)=([^&]*)/g;
	s/%([0-9A-Fa-f]{2})/chr hex $1/ge for values %dsn;
	$dsn{host} =~ s/^\[|\]$//g;
	return \%dsn;
}

# Returns the PG* variables that stand for a DSN. Others given override: PGDATABASE => 'postgres'.
sub dsn_env
{
	my ($dsn, %other) = @_;
	my $part = ref $dsn ? $dsn : parse_dsn($dsn);
	return (
		PGHOST => $part->{host},
		PGPORT => $part->{port},
		PGUSER => $part->{user},
		PGPASSWORD => $part->{password},
		PGDATABASE => $part->{database},
		PGSSLMODE => $part->{sslmode} // 'prefer',
		PGCONNECT_TIMEOUT => 30,
		%other);
}

# Logs in with a DSN and runs SQL; returns (exit code, output, errors). Code 2: no connection,
# 3: an SQL error. Named arguments are PG* variables that differ from the DSN.
sub dsn_psql
{
	my ($dsn, $sql, %other) = @_;
	local %ENV = (%ENV, dsn_env($dsn, %other));
	my ($out, $err) = ('', '');
	# From a file: a psql that cannot connect never reads its input, and a pipe would break.
	my $input = File::Temp->new;
	print $input $sql;
	close $input;
	IPC::Run::run(
		[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose', '-f', '-' ],
		'<', $input->filename, '>', \$out, '2>', \$err,
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	my $code = $? >> 8;
	chomp $out;
	return ($code, $out, $err);
}

1;
