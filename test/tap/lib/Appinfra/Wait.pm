# Owns the waiting for a state that no query tells.
#
#   use Appinfra::Wait qw(wait_for);
#   wait_for('the file to be there', sub { -e $file });
package Appinfra::Wait;

use strict;
use warnings;
use Carp;
use Exporter 'import';
use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(wait_for);

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

1;
