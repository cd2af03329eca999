# Owns the producer's side of a test: the real HTTP(S) server test/peer/producer.py, the faults it is
# told to make, its journal (every request that it read, with the DSNs) and what it has stored.
#
#   my $peer = Appinfra::Peer->start(name => 'producer');         # token "test-token", a free port
#   $peer->rules({ app => 'app-1', status => 503, times => 2 });  # see producer.py; () clears them
#   my $sidecar = $host->start_sidecar(env => $peer->sidecar_env(APPINFRA_POLL => '1h'));
#   my $dsn = $peer->wait_for_value('app-1', 'DATABASE_URL');
#   my @requests = $peer->requests('app-1');                      # each {headers, body, fault, time}
#   $peer->kill9;  $peer->restart;                # on the same port, with what it had stored, and its rules
# Over TLS only the journal can be asked.
package Appinfra::Peer;

use strict;
use warnings;
use Carp;
use File::Temp;
use HTTP::Tiny;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Appinfra;
use Appinfra::Process;
use Appinfra::Wait qw(wait_for);

my $count = 0;

# Starts a peer and waits until it listens. Arguments: name, token, tls (a file with certificate and
# key), args (more of producer.py's).
sub start
{
	my ($class, %args) = @_;
	my $self = bless { name => 'producer', token => 'test-token', %args }, $class;
	$self->{journal} = sprintf('%s/journal_%d', PostgreSQL::Test::Utils::tempdir(), ++$count);
	$self->restart;
	return $self;
}

# Starts it again on the port it had, with what it had stored; with arguments, changed in these.
sub restart
{
	my ($self, %args) = @_;
	$self->kill9 if $self->{process};
	%$self = (%$self, %args);
	my @command = (
		Appinfra::test_file('peer/producer.py'), '--token', $self->{token},
		'--journal', $self->{journal}, '--port', $self->{port} // 0, @{ $self->{args} // [] });
	push @command, '--tls-cert', $self->{tls} if $self->{tls};
	push @command, '--restore' if -f $self->{journal};
	push @command, '--script', $self->_script if $self->{rules};
	$self->{process} = Appinfra::Process->start(
		name => $self->{name},
		env => { PYTHONDONTWRITEBYTECODE => 1 },
		command => [ 'python3', @command ]);
	($self->{port}) = $self->{process}->wait_for_log(qr/^listening \d+$/m) =~ /^listening (\d+)$/m;
	return;
}

sub kill9
{
	my ($self) = @_;
	(delete $self->{process})->kill9 if $self->{process};
	return;
}

sub port { return $_[0]{port}; }
sub process { return $_[0]{process}; }

# The address as a sidecar is given it; the host can be another name of this machine.
sub url
{
	my ($self, $host) = @_;
	return sprintf('%s://%s:%d', $self->{tls} ? 'https' : 'http', $host // '127.0.0.1', $self->{port});
}

# The variables of a sidecar that delivers here, with short times; arguments add to them.
sub sidecar_env
{
	my ($self, %more) = @_;
	return {
		APPINFRA_SINK => undef,
		APPINFRA_PRODUCER_URL => $self->url,
		OPENFACTORY_DB_PRODUCER_TOKEN => 'test-token',
		APPINFRA_POLL => '100ms',
		APPINFRA_CALL_TIMEOUT => '1s',
		APPINFRA_LEASE => '2s',
		APPINFRA_RETRY_FIRST => '20ms',
		APPINFRA_RETRY_LONGEST => '200ms',
		APPINFRA_RECONNECT_LONGEST => '200ms',
		%more };
}

# Replaces the rules for faults; the first that fits a request decides.
sub rules
{
	my ($self, @rules) = @_;
	$self->{rules} = { seed => 1, rules => \@rules };
	$self->_post('/control', $self->{rules});
	return;
}

# The rules in a file, for a start. What has random in it is to be another random.
sub _script
{
	my ($self) = @_;
	my $script = File::Temp->new;
	print $script encode_json({ %{ $self->{rules} }, seed => ++$count });
	close $script;
	$self->{script} = $script;
	return $script->filename;
}

# From now on another token is the right one.
sub expect_token
{
	my ($self, $token) = @_;
	$self->_post('/control', { token => $token });
	return;
}

sub _post
{
	my ($self, $path, $content) = @_;
	my $answer = HTTP::Tiny->new(timeout => 10)->post($self->url . $path, { content => encode_json($content) });
	croak "$path: $answer->{status} $answer->{content}" unless $answer->{success};
	return;
}

# What it has stored: {target}{variable}{value, version}.
sub store { return $_[0]->_get('/store'); }

# What it has counted: requests, connections, stored.
sub stats { return $_[0]->_get('/stats'); }

sub _get
{
	my ($self, $path) = @_;
	my $answer = HTTP::Tiny->new(timeout => 10)->get($self->url . $path);
	croak "$path: $answer->{status} $answer->{content}" unless $answer->{success};
	return decode_json($answer->{content});
}

# The journal, oldest first. A request that was reset before it was read has neither headers nor body.
sub journal
{
	my ($self) = @_;
	return () unless -f $self->{journal};
	return map { decode_json($_) } PostgreSQL::Test::Utils::slurp_file($self->{journal}) =~ /^(.*)\n/mg;
}

# The requests of sidecars that it read, of one app or of all.
sub requests
{
	my ($self, $app) = @_;
	return grep { $_->{body} && (!defined $app || $_->{app} eq $app) } $self->journal;
}

# Waits until there are n requests of an app, and returns them.
sub wait_for_requests
{
	my ($self, $app, $n) = @_;
	my @requests;
	wait_for("$n requests for $app", sub { (@requests = $self->requests($app)) >= $n });
	return @requests;
}

# Waits until a variable of a target is stored, differing from $old if that is given; returns it.
sub wait_for_value
{
	my ($self, $target, $variable, $old) = @_;
	my $value;
	wait_for("$variable of $target to be stored",
		sub { $value = $self->store->{$target}{$variable}{value}; defined $value && $value ne ($old // '') });
	return $value;
}

1;
