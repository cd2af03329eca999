# Owns the waiting for a state that no query tells, and the assertion that a wait comes to its end.
#
#   use Appinfra::Wait qw(reaches wait_for);
#   wait_for('the file to be there', sub { -e $file });          # dies when it never is
#   reaches { $host->wait_for_pool(3) } 'three shells are ready'; # a test, which fails when it dies
package Appinfra::Wait;

use strict;
use warnings;
use Carp;
use Exporter 'import';
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(reaches wait_for);

# Looks again and again until the code gives a true value; dies when the suite's time-out is over.
sub wait_for
{
	my ($what, $done) = @_;
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
	until ($done->())
	{
		croak "timed out waiting for $what" if time > $deadline;
		sleep 0.02;
	}
	return;
}

# Tests that a wait comes to its end; one that dies fails the test and says why.
sub reaches(&$)
{
	my ($wait, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $came = eval { $wait->(); 1 };
	return ok($came, $name) || diag $@;
}

1;
