# Owns logging in with very many DSNs: two psql for all of them, instead of one for each.
#
#   my @failed = failed_logins($host, \%dsns);   # {name => DSN}; the names whose DSN did not log in
# Each login must arrive in the DSN's database over TCP and run a query there. The DSNs go to psql
# through a file that only we can read.
package Appinfra::Logins;

use strict;
use warnings;
use Exporter 'import';
use File::Temp;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Appinfra::Dsn qw(parse_dsn);

our @EXPORT_OK = qw(failed_logins);

# Returns the names of the DSNs that do not log in, sorted.
sub failed_logins
{
	my ($host, $dsns) = @_;
	my @names = sort keys %$dsns;
	my @failed;
	my @runs = map { _start($host, $dsns, @$_) } [ @names[ 0 .. $#names / 2 ] ],
	  [ @names[ $#names / 2 + 1 .. $#names ] ];
	while (my $run = shift @runs)
	{
		# psql ends where the first login fails; another one goes on behind it.
		my ($failed, @rest) = _finish($run, $dsns) or next;
		push @failed, $failed;
		push @runs, _start($host, $dsns, @rest);
	}
	return sort @failed;
}

sub _start
{
	my ($host, $dsns, @names) = @_;
	return unless @names;
	my $script = File::Temp->new;
	print $script map { "\\connect '$dsns->{$_}'\nSELECT current_database(), inet_server_addr();\n" } @names;
	close $script;
	my $run = { names => \@names, script => $script, out => '', err => '' };
	$run->{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-f', '-', $host->connstr('postgres') ],
		'<', $script->filename, '>', \$run->{out}, '2>', \$run->{err},
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return $run;
}

# Returns the names from the first that did not log in on; none when all did.
sub _finish
{
	my ($run, $dsns) = @_;
	$run->{run}->finish;
	my @names = @{ $run->{names} };
	for my $line (split /\n/, $run->{out})
	{
		my $part = parse_dsn($dsns->{ $names[0] });
		my $address = $part->{host} =~ /^[0-9.]+$/ ? $part->{host} : '127.0.0.1';
		last unless $line eq "$part->{database}|$address";
		shift @names;
	}
	return @names;
}

1;
