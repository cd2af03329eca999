# Owns many psql sessions at a time, each with one script, as superuser over the private socket.
#
#   my $clients = Appinfra::Clients->start($host, 'control', @scripts);
#   my @results = $clients->finish;    # each {code, out, err}, in the order of the scripts
# Code 2: the connection was lost or refused; 3: an SQL error; undef: killed by a signal.
package Appinfra::Clients;

use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Utils;

# Starts one session per script and returns at once. Errors carry their SQLSTATE.
sub start
{
	my ($class, $host, $database, @scripts) = @_;
	my @sessions;
	for my $script (@scripts)
	{
		my $session = { script => $script, out => '', err => '' };
		$session->{run} = IPC::Run::start(
			[
				'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose', '-f', '-',
				$host->connstr($database)
			],
			'<', \$session->{script}, '>', \$session->{out}, '2>', \$session->{err},
			IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
		push @sessions, $session;
	}
	return bless { sessions => \@sessions }, $class;
}

# Waits for all of them and returns what they printed and how they ended.
sub finish
{
	my ($self) = @_;
	return map { _finish($_) } @{ $self->{sessions} };
}

sub _finish
{
	my ($session) = @_;
	$session->{run}->finish;
	my $status = $session->{run}->full_result(0);
	chomp $session->{out};
	return {
		code => ($status & 127) ? undef : $status >> 8,
		out => $session->{out},
		err => $session->{err}
	};
}

1;
