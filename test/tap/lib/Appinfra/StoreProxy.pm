# Owns a proxy (test/peer/store_proxy.py) between a sidecar and the object store, which holds or spoils
# the requests that it is told to; the apps of a test go to the store itself.
#
#   my $proxy = Appinfra::StoreProxy->start($store);
#   $host->start_sidecar(env => { $proxy->env });
#   $proxy->rules({ match => 'policy=', times => 1, actions => ['hold after'] });   # see store_proxy.py
#   $proxy->wait_for_held;  $proxy->release;
#   my @requests = $proxy->journal;               # each {number, line, action, state, status}
package Appinfra::StoreProxy;

use strict;
use warnings;
use Carp;
use HTTP::Tiny;
use JSON::PP;
use Appinfra;
use Appinfra::Process;
use Appinfra::Wait qw(wait_for);

# Starts a proxy in front of a store, and waits until it listens.
sub start
{
	my ($class, $store) = @_;
	my $self = bless { store => $store }, $class;
	$self->{process} = Appinfra::Process->start(
		name => 'store_proxy',
		env => { PYTHONDONTWRITEBYTECODE => 1 },
		command => [ 'python3', Appinfra::test_file('peer/store_proxy.py'), '--store', $store->port ]);
	($self->{port}) = $self->{process}->wait_for_log(qr/^listening \d+$/m) =~ /^listening (\d+)$/m;
	return $self;
}

sub url { return "http://127.0.0.1:$_[0]{port}"; }

# What the sidecar is told: our key to the store, which is the other side of the proxy.
sub env
{
	my ($self) = @_;
	return ($self->{store}->env, APPINFRA_S3_ADMIN_URL => $self->url);
}

# Replaces the rules. What is held stays held.
sub rules
{
	my ($self, @rules) = @_;
	$self->_ask('POST', '/-/rules', { seed => $self->{seed} // 1, rules => \@rules });
	return;
}

# The seed of the rules that come from now on.
sub seed
{
	my ($self, $seed) = @_;
	$self->{seed} = $seed;
	return;
}

# Lets go of what is held.
sub release { my ($self) = @_; $self->_ask('POST', '/-/release', {}); return; }

sub journal { return @{ $_[0]->_ask('GET', '/-/journal') }; }

# Waits until one request more is held than were; returns its line.
sub wait_for_held
{
	my ($self, $held) = @_;
	my @held;
	wait_for('a request to be held', sub { (@held = grep { $_->{state} eq 'held' } $self->journal) > ($held // 0) });
	return $held[-1]{line};
}

sub _ask
{
	my ($self, $method, $path, $content) = @_;
	my $answer = HTTP::Tiny->new(timeout => 30)
	  ->request($method, $self->url . $path, $content ? { content => encode_json($content) } : {});
	croak "$path: $answer->{status} $answer->{content}" unless $answer->{success};
	return decode_json($answer->{content});
}

1;
