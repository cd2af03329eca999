# Owns what a gateway does with the registry, without HTTP: keys, logins, calls begun and finished.
#
#   my $gateway = Appinfra::Calls->new($host);                 # a login in appinfra_gateway, named g
#   my $key = $gateway->mint($db_id, 'dbuser');                  # by an administrator: {key_id, token}
#   my $session = $gateway->enter($db_id, 'writer', $key);       # a session of a fresh gateway login
#   my $call = $gateway->begin($key, 'once', xid => …, pid => …); # {call_id, verdict, status, body}
#   $gateway->finish($key, $call, xid => …, status => 200, body => 'b');   # t or f
package Appinfra::Calls;

use strict;
use warnings;
use Appinfra::Wire;
use Digest::SHA qw(sha256_hex);
use JSON::PP;

sub new
{
	my ($class, $host, $name) = @_;
	$name //= 'g';
	$host->control("CREATE ROLE appinfra_gateway_login LOGIN IN ROLE appinfra_gateway") if $name eq 'g';
	return bless { host => $host, name => $name }, $class;
}

# Runs SQL as the gateway and returns its output; dies on an error.
sub ask
{
	my ($self, $sql, %settings) = @_;
	my %set = (synchronous_commit => 'off', %settings);
	my $options = join ' ', map { "-c $_=$set{$_}" } sort keys %set;
	local $ENV{PGOPTIONS} = $options;
	my ($out, $err) = ('', '');
	my $code = $self->{host}->psql('control', $sql, stdout => \$out, stderr => \$err, on_error_stop => 1,
		extra_params => [ '-U', 'appinfra_gateway_login', '-v', 'VERBOSITY=verbose' ]);
	die $err if $code != 0;
	return $out;
}

# Returns the row of a function as a hash; undef when there is none.
sub row
{
	my ($self, $call, %settings) = @_;
	my $out = $self->ask("SELECT to_jsonb(r) FROM appinfra.$call r", %settings);
	return $out eq '' ? undef : decode_json($out);
}

sub mint
{
	my ($self, $db_id, $role, $more) = @_;
	my $list = join ', ', "'$db_id'", "'$role'", $more // ();
	return decode_json($self->{host}->control("SELECT to_jsonb(k) FROM appinfra.mint_key($list) k"));
}

# Returns the connection of a fresh login.
sub login
{
	my ($self, $db_id, $access) = @_;
	return $self->row("gateway_login('$self->{name}', '$db_id', '$access')");
}

# Opens a session of a fresh login, which acts for the key.
sub enter
{
	my ($self, $db_id, $access, $key) = @_;
	return Appinfra::Wire->login($self->login($db_id, $access)->{url}, options => "-c appinfra.key_id=$key->{key_id}");
}

# Begins a transaction in a session; returns its id and its backend.
sub open_transaction
{
	my (undef, $session) = @_;
	my ($row) = @{ $session->query('BEGIN; SELECT pg_current_xact_id(), pg_backend_pid()') };
	return (xid => $row->[0], pid => $row->[1]);
}

# Begins a call. Named: xid, pid, request (its text), settings.
sub begin
{
	my ($self, $key, $name, %call) = @_;
	my $hash = sha256_hex($call{request} // 'a request');
	my ($xid, $pid) = map { defined $_ ? "'$_'" : 'NULL' } @call{qw(xid pid)};
	return $self->row("gateway_begin('$self->{name}', '$key->{key_id}', 'r', '/v1/sql/execute', '::1', '$name', '\\x$hash', $xid, $pid)",
		%{ $call{settings} // {} });
}

# Finishes a call, or what nothing was reserved for (undef). Named: xid, status, body, detail (a hash).
sub finish
{
	my ($self, $key, $call, %end) = @_;
	return $self->ask('SELECT ' . $self->finish_sql($key, $call, %end));
}

sub finish_sql
{
	my ($self, $key, $call, %end) = @_;
	my $id = defined $call ? $call->{call_id} : 'NULL';
	my $xid = defined $end{xid} ? "'$end{xid}'" : 'NULL';
	my $body = defined $end{body} ? "'\\x" . unpack('H*', $end{body}) . q{'} : 'NULL';
	my $detail = $end{detail} ? q{'} . encode_json($end{detail}) . q{'} : 'NULL';
	return "appinfra.gateway_finish('$self->{name}', '$key->{key_id}', 'r', '/v1/sql/execute', '::1', $id, $xid, " . ($end{status} // 200) . ", $body, $detail)";
}

1;
