# Owns the socket on which a service manager hears of a service (sd_notify): a datagram socket whose
# address goes into NOTIFY_SOCKET.
#
#   my $manager = Appinfra::Supervisor->new;            # a path; with abstract => 1: an abstract one
#   ... start(env => { NOTIFY_SOCKET => $manager->address });
#   $manager->wait_for(qr/^READY=1$/m);  my @all = $manager->messages;
package Appinfra::Supervisor;

use strict;
use warnings;
use Carp;
use Socket;
use Time::HiRes qw(sleep time);
use PostgreSQL::Test::Utils;

sub new
{
	my ($class, %args) = @_;
	my $address = PostgreSQL::Test::Utils::tempdir_short() . '/notify';
	socket(my $socket, PF_UNIX, SOCK_DGRAM, 0) or croak "socket: $!";
	bind($socket, pack_sockaddr_un($args{abstract} ? "\0$address" : $address)) or croak "bind: $!";
	return bless { address => ($args{abstract} ? '@' : '') . $address, socket => $socket, messages => [] }, $class;
}

sub address { return $_[0]{address}; }

# All messages so far, as [time, text].
sub messages
{
	my ($self) = @_;
	while (defined recv($self->{socket}, my $text, 65536, MSG_DONTWAIT))
	{
		push @{ $self->{messages} }, [ time, $text ];
	}
	return @{ $self->{messages} };
}

# Waits until n messages (1) match, and returns the last of these with its time.
sub wait_for
{
	my ($self, $pattern, $n) = @_;
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
	while (time < $deadline)
	{
		my @found = grep { $_->[1] =~ $pattern } $self->messages;
		return $found[ ($n // 1) - 1 ] if @found >= ($n // 1);
		sleep 0.01;
	}
	croak "the service never said $pattern";
}

1;
