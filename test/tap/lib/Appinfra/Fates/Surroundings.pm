# Owns the acts of Appinfra::Fates that are done to what surrounds processes: disks that are full, connections
# that are all taken, networks that are cut.
package Appinfra::Fates::Surroundings;

use strict;
use warnings;
use IO::Socket::UNIX;
use Appinfra::Namespace qw(fill_disk free_disk);

# --- disks ---------------------------------------------------------------------------------------------------

# Databases grow no more, while the log of what is written has room: errors, and nothing that ends.
sub fill_data { return $_[0]->_fill($_[0]{host}->basedir); }

# The log has no room: the server ends itself, and what it begins with, until there is some.
sub fill_wal { return $_[0]->_fill($_[0]{host}->data_dir . '/pg_wal'); }

sub _fill
{
	my ($self, $path) = @_;
	$self->{filled}++;
	fill_disk($path);
	$self->lasts(0.3 + rand $self->{longest}, sub { free_disk($path); $self->revive; });
	return;
}

# --- connections ---------------------------------------------------------------------------------------------

# Takes every connection that there is, also those that are kept for superusers.
sub exhaust_connections
{
	my ($self) = @_;
	my $host = $self->{host};
	my @taken;
	my %say = (user => scalar getpwuid($>), database => 'postgres');
	my $hello = pack('N', 196608) . join('', map { "$_\0$say{$_}\0" } sort keys %say) . "\0";
	for (1 .. $self->{max_connections})
	{
		my $socket = IO::Socket::UNIX->new(Peer => $host->host . '/.s.PGSQL.' . $host->port, Timeout => 1) or last;
		print $socket pack('N', 4 + length $hello) . $hello;
		$socket->flush;
		push @taken, $socket;
	}
	$self->lasts(0.5 + rand $self->{longest} / 2, sub { close $_ for @taken; });
	return;
}

# --- networks ------------------------------------------------------------------------------------------------

# Between the sidecars and the host.
sub cut_host { return $_[0]->_cut(0); }

# Between the sidecars and the producer and the store; the gateway's clients are on that side, too.
sub cut_producer { return $_[0]->_cut(1); }

sub _cut
{
	my ($self, $wire) = @_;
	$self->{far}->cut($wire, (qw(silent told))[ int rand 2 ]);
	$self->lasts(0.3 + rand $self->{longest}, sub { $self->{far}->mend($wire); });
	return;
}

1;
