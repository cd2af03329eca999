# Owns how tests look at the queue: the latest publication of an app (of one of its variables), and
# waiting for what becomes of it.
#
#   my $row = publication($host, 'app-1');        # a row of appinfra.publications as a hash
#   my $row = wait_for_status($host, 'app-1', 'published');
#   expire($host, 'app-1');                       # its lease ends now, and nobody is told
# Without a variable it is the app's latest publication of all.
package Appinfra::Publications;

use strict;
use warnings;
use Carp;
use Exporter 'import';
use JSON::PP;
use Time::HiRes qw(sleep time);
use PostgreSQL::Test::Utils;

our @EXPORT_OK = qw(publication wait_for_status wait_until_settled expire);

# Returns the latest publication of an app, or undef.
sub publication
{
	my ($host, $app, $variable) = @_;
	my $which = defined $variable ? "AND '$variable' = ANY (variables)" : '';
	my $row = $host->control("SELECT row_to_json(p) FROM appinfra.publications p "
		  . "WHERE app_id = '$app' $which ORDER BY publication_id DESC LIMIT 1");
	return $row eq '' ? undef : decode_json($row);
}

# Waits until the latest publication of an app has a status, and returns it.
sub wait_for_status
{
	my ($host, $app, $status, $variable) = @_;
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
	my $row;
	while (time < $deadline)
	{
		$row = publication($host, $app, $variable);
		return $row if $row && $row->{status} eq $status;
		sleep 0.02;
	}
	croak "the publication of $app is $row->{status}, not $status: " . ($row->{error} // 'no error');
}

# Waits until nothing is pending or claimed any more.
sub wait_until_settled
{
	my ($host) = @_;
	$host->wait_until(
		"SELECT count(*) = 0 FROM appinfra.publications WHERE status IN ('pending', 'claimed')",
		'all publications to be settled');
	return;
}

# The lease of an app's claim ends now, without anybody waiting for it.
sub expire
{
	my ($host, $app) = @_;
	$host->control("UPDATE appinfra.publication SET lease_until = now() - interval '1 s' "
		  . "WHERE publication_id = " . publication($host, $app)->{publication_id});
	return;
}

1;
