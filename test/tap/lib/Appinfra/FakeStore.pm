# Owns an object store that costs nothing (test/peer/store.py): a Ceph gateway's doors as the sidecar uses
# them, without objects, for tests in which it is killed or vexed. Real ones: Appinfra::Store.
#
#   my $store = Appinfra::FakeStore->start(address => '127.0.0.1');
#   $host->start_sidecar(env => { $store->env });  # allow_plaintext where the address is no loopback
#   $store->rules(refuse => 0.2, lose => 0.2);  $store->rules;        # spoils requests, and no more
#   $store->restart;                                                  # killed, with what it was told
#   my %secret = $store->keys_of("$bucket_id-w");  my @names = $store->buckets;
package Appinfra::FakeStore;

use strict;
use warnings;
use Carp;
use HTTP::Tiny;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Appinfra;
use Appinfra::Process;

my $count = 0;

# Starts a store and waits until it listens.
sub start
{
	my ($class, %args) = @_;
	my $self = bless { address => '127.0.0.1', secret => 'the-secret-of-the-platform', %args }, $class;
	$self->{state} = sprintf '%s/store_%d', PostgreSQL::Test::Utils::tempdir(), ++$count;
	$self->restart;
	return $self;
}

# Starts it again on the port it had, with what it was told.
sub restart
{
	my ($self) = @_;
	$self->{process}->kill9 if $self->{process};
	$self->{process} = Appinfra::Process->start(
		name => 'store',
		env => { PYTHONDONTWRITEBYTECODE => 1 },
		command => [ 'python3', Appinfra::test_file('peer/store.py'), '--state', $self->{state}, '--address', $self->{address},
			'--port', $self->{port} // 0, '--secret', $self->{secret} ]);
	($self->{port}) = $self->{process}->wait_for_log(qr/^listening \d+$/m) =~ /^listening (\d+)$/m;
	return;
}

sub process { return $_[0]{process}; }
sub endpoint { return "http://$_[0]{address}:$_[0]{port}"; }

# What the sidecar is told: the platform's key to the store.
sub env
{
	my ($self) = @_;
	return (APPINFRA_S3_ADMIN_URL => $self->endpoint, APPINFRA_S3_ADMIN_ACCESS_KEY => 'PLATFORM', APPINFRA_S3_ADMIN_SECRET_KEY => $self->{secret});
}

# Spoils a part of the requests from now on.
sub rules
{
	my ($self, %rules) = @_;
	$self->_ask('POST', '/-/rules', \%rules);
	return;
}

# The keys of a user, each with its secret; nothing when there is no such user, or it is suspended.
sub keys_of
{
	my ($self, $uid, $state) = @_;
	my $user = ($state // $self->state)->{users}{$uid};
	return $user && !$user->{suspended} ? %{ $user->{keys} } : ();
}

# The names of all buckets, sorted.
sub buckets { return sort keys %{ $_[0]->state->{buckets} }; }

sub state { return $_[0]->_ask('GET', '/-/state'); }

sub _ask
{
	my ($self, $method, $path, $content) = @_;
	my $answer = HTTP::Tiny->new(timeout => 30)->request($method, $self->endpoint . $path, { $content ? (content => encode_json($content)) : () });
	croak "$path: $answer->{status} $answer->{content}" unless $answer->{success};
	return decode_json($answer->{content});
}

1;
