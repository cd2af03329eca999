# Owns the invariants of calls to the gateway, for Appinfra::Invariants: what the clients of Appinfra::Agents were
# told, against what is there. Without a gateway there is nothing to violate.
package Appinfra::Invariants::Calls;

use strict;
use warnings;
use HTTP::Tiny;
use JSON::PP;

# The rows in the workspace: {name}[id, ...].
sub _hits
{
	my ($self) = @_;
	my $agents = $self->{fates}{agents} or return {};
	my %hits;
	for my $row (split /\n/, $self->{host}->safe_psql($agents->{database}, 'SELECT k, id FROM hits'))
	{
		my ($name, $id) = split /\|/, $row;
		push @{ $hits{$name} }, $id;
	}
	return \%hits;
}

sub _told { my ($self) = @_; return $self->{fates}{agents} ? $self->{fates}{agents}->told : (); }

sub _done_twice
{
	my ($self) = @_;
	my $hits = $self->_hits;
	return map { "$_: @{ $hits->{$_} }" } grep { @{ $hits->{$_} } > 1 } keys %$hits;
}

sub _told_otherwise
{
	my ($self) = @_;
	my ($hits, @found) = $self->_hits;
	for my $call ($self->_told)
	{
		my ($name, $status, $content) = @$call;
		push @found, "$name: $status $content" if $status != 200;
		next if $status != 200 || !$self->{lossless};
		my $id = decode_json($content)->{rows}[0][0];
		push @found, "$name: told of $id, there is " . ($hits->{$name}[0] // 'none') if ($hits->{$name}[0] // '') ne $id;
	}
	return @found;
}

# Each of the last calls, sent again, is answered as it was.
sub _not_replayed
{
	my ($self) = @_;
	return if !$self->{lossless};
	my $http = HTTP::Tiny->new(timeout => 20, keep_alive => 1);
	my @told = grep { $_->[1] == 200 } $self->_told;
	my @found;
	for my $call (@told[ ($#told < 50 ? 0 : $#told - 50) .. $#told ])
	{
		my $answer = $self->{fates}{agents}->call($http, $call->[0]);
		push @found, "$call->[2] became $answer->{content}" if $answer->{content} ne $call->[2] || ($answer->{headers}{'x-idempotent-replayed'} // '') ne 'true';
	}
	return @found;
}

sub _unaudited_calls
{
	my ($self) = @_;
	my $agents = $self->{fates}{agents} or return;
	return if !$self->{lossless};
	my $calls = grep { $_->[1] == 200 } $self->_told;
	my ($rows) = $self->rows("SELECT count(*) FROM appinfra.audit WHERE action = 'sql_execute' AND outcome = 'done' AND credential = '$agents->{key}{id}'");
	return $rows >= $calls ? () : "$calls calls, $rows rows";
}

# Tokens that were handed over or delivered, of keys that are not active, tried now; and the other way round.
sub _open_to_revoked_keys
{
	my ($self) = @_;
	my $agents = $self->{fates}{agents} or return;
	my %status = map { split /\|/ } $self->rows("SELECT key_id, k.status || ' ' || d.status FROM appinfra.keys k JOIN appinfra.databases d USING (db_id)");
	my (%tried, @found);
	for my $token ($self->{journal}->tokens, map { $_->{body}{set}{AGENTCOOPDB_API_KEY} // () } $self->{peer}->requests)
	{
		my ($key_id) = $token =~ /^acd_[a-z]+_(.{16})_/ or next;
		next if $tried{$token}++ || keys %tried > $self->{logins};
		my $answer = $agents->{gateway}->()->sql({ token => $token }, 'SELECT 1');
		my $active = ($status{$key_id} // '') eq 'active ready';
		push @found, "$key_id, " . ($status{$key_id} // 'unknown') . ", is told $answer->{status}: $answer->{content}" if $active ? $answer->{status} != 200 : $answer->{status} !~ /^40[134]$/;
	}
	return @found;
}

1;
