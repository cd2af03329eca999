# Owns a running SQL gateway, and the ways to call it with an API key.
#
#   my $gateway = Appinfra::Gateway->start($host, args => ['--gateway-rate-limit=0'], env => {...});
#   my $key = $gateway->mint($tenant->{db_id}, 'dbuser');      # { id, token }
#   my $answer = $gateway->sql($key, 'SELECT $1::int', [1]);   # { status, json, headers, content }
package Appinfra::Gateway;

use strict;
use warnings;
use Carp;
use HTTP::Tiny;
use JSON::PP;
use Time::HiRes qw(sleep);
use PostgreSQL::Test::Utils;
use Appinfra;
use Appinfra::Wait qw(wait_for);

my $login = 'appinfra_gateway_login';

# Starts `appinfrad gateway` on a free port of 127.0.0.1, and waits until it is ready. Options: args, env
# (as of start_sidecar), name (of the process), worker (the gateway's), unready (it is not waited for), again
# (the host has its role, and need not answer now), prefix (as of start_sidecar).
sub start
{
	my ($class, $host, %args) = @_;
	$host->control("DO \$\$ BEGIN IF to_regrole('$login') IS NULL THEN CREATE ROLE $login LOGIN IN ROLE appinfra_gateway; END IF; END \$\$")
	  unless $args{again};
	my $self = bless { host => $host, name => $args{name} // 'gateway' }, $class;
	my @args = ('--gateway-listen=127.0.0.1:0', '--worker=' . ($args{worker} // 'test'), @{ $args{args} // [] });
	$self->{process} = $host->start_sidecar(
		name => $self->{name}, prefix => $args{prefix}, command => $args{command} // 'gateway', args => \@args,
		env => { APPINFRA_DATABASE_URL => $host->sidecar_url =~ s/user=\S+/user=$login/r, APPINFRA_SINK => undef,
			%{ $args{env} // {} } });
	my $log = $self->{process}->wait_for_log(qr/listening address=\S+/);
	($self->{address}) = $log =~ /listening address=(\S+)/;
	return $args{unready} ? $self : $self->wait_until_ready;
}

# Waits until it can do its work.
sub wait_until_ready
{
	my ($self) = @_;
	wait_for('the gateway', sub { $self->call(GET => '/readyz')->{status} == 200 });
	return $self;
}

sub process { return $_[0]{process}; }
sub address { return $_[0]{address}; }
sub url { return "http://$_[0]{address}"; }

# Mints a key of a workspace, as the host's administrator.
sub mint
{
	my ($self, $db_id, $role, %args) = @_;
	my $row = $self->{host}->control(sprintf "SELECT key_id || ' ' || token FROM appinfra.mint_key('%s', '%s'%s)",
		$db_id, $role, join '', map { ", $_ => '$args{$_}'" } sort keys %args);
	my ($id, $token) = split / /, $row;
	return { id => $id, token => $token };
}

# Sends a request. content is encoded as JSON unless it is a text. Options: headers, key.
sub call
{
	my ($self, $method, $path, $content, %args) = @_;
	my %headers = %{ $args{headers} // {} };
	$headers{Authorization} //= "Bearer $args{key}{token}" if $args{key};
	my %request = (headers => \%headers);
	if (defined $content)
	{
		$headers{'Content-Type'} //= 'application/json';
		$request{content} = ref $content ? JSON::PP->new->utf8->canonical->encode($content) : $content;
	}
	my $http = $self->{http} //= HTTP::Tiny->new(timeout => 60, keep_alive => 1);
	my $answer = $http->request($method, $self->url . $path, \%request);
	croak "$method $path: $answer->{content}" if $answer->{status} == 599;
	$answer->{json} = eval { JSON::PP->new->utf8->allow_bignum->decode($answer->{content}) };
	return $answer;
}

# Runs a statement. Options: once (the Idempotency-Key), headers.
sub sql
{
	my ($self, $key, $sql, $params, %args) = @_;
	my %headers = (%{ $args{headers} // {} }, defined $args{once} ? ('Idempotency-Key' => $args{once}) : ());
	return $self->call(POST => '/v1/sql/execute', { sql => $sql, defined $params ? (params => $params) : () },
		key => $key, headers => \%headers);
}

# Sends a statement with an Idempotency-Key until it is answered for good, as clients do: 5xx, 429 and broken
# connections again.
sub insist
{
	my ($self, $http, $key, $once, $sql, @params) = @_;
	my %request = (
		headers => { 'Content-Type' => 'application/json', Authorization => "Bearer $key->{token}", 'Idempotency-Key' => $once },
		content => JSON::PP->new->canonical->encode({ sql => $sql, params => \@params }));
	for my $try (1 .. 2000)
	{
		my $answer = $http->request(POST => $self->url . '/v1/sql/execute', \%request);
		return $answer if $answer->{status} < 500 && $answer->{status} != 429;
		sleep 0.05;
	}
	die "$once was never answered";
}

sub rpc
{
	my ($self, $key, $procedure, $arguments, %args) = @_;
	return $self->call(POST => '/v1/rpc/call', { procedure => $procedure, defined $arguments ? (args => $arguments) : () },
		key => $key, headers => defined $args{once} ? { 'Idempotency-Key' => $args{once} } : {});
}

# What /metrics says a metric is; undef when it does not name it.
sub metric
{
	my ($self, $name) = @_;
	my ($value) = $self->call(GET => '/metrics')->{content} =~ /^\Q$name\E ([0-9.e+-]+)$/m;
	return $value;
}

1;
