# Owns the invariants of who gets what, for Appinfra::Invariants: logins of the two URLs, variables that are
# never published, owners, and what is closed to tenants.
package Appinfra::Invariants::Owners;

use strict;
use warnings;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Operations qw(owner_of);

# Of all that was ever sent: DATABASE_URL and DATABASE_SERVICE_URL have no login in common, and no superuser's.
sub _shared_logins
{
	my ($self) = @_;
	my (%login, @found);
	for my $set (map { $_->{body}{set} // {} } $self->{peer}->requests)
	{
		$login{$_}{ parse_dsn($set->{$_})->{user} } = 1 for grep { $set->{$_} } qw(DATABASE_URL DATABASE_SERVICE_URL);
	}
	my %super = map { $_ => 1 } $self->rows('SELECT rolname FROM pg_authid WHERE rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication');
	push @found, map { "both: $_" } grep { $login{DATABASE_SERVICE_URL}{$_} } keys %{ $login{DATABASE_URL} };
	push @found, map { "superuser: $_" } grep { $super{$_} } map { keys %$_ } values %login;
	return @found;
}

# The names of all variables that were ever sent.
sub _unasked_variables
{
	my ($self) = @_;
	my %asked = map { $_ => 1 } qw(DATABASE_URL DATABASE_SERVICE_URL REPORTS_URL AGENTCOOPDB_API_KEY AGENTCOOPDB_GATEWAY_URL),
	  (map { "PG$_" } qw(USER PASSWORD HOST PORT DATABASE SSLMODE)), map { "OF_S3_$_" } qw(ENDPOINT BUCKET ACCESS_KEY SECRET_KEY REGION);
	return grep { !$asked{$_} } map { keys %{ $_->{body}{set} // {} } } $self->{peer}->requests;
}

# Whose each database is says the journal, and where its DSN was sent the producer's.
sub _given_to_others
{
	my ($self) = @_;
	my %owner = map { %$_ } $self->{journal}->snapshots;
	my @found;
	for my $row ($self->rows('SELECT b.target, b.db_id, d.owner_user_id FROM appinfra.bindings b JOIN appinfra.databases d USING (db_id)'))
	{
		my ($target, $db_id, $owner) = split /\|/, $row;
		push @found, "$db_id of $owner in $target" if $target =~ /^app-\d/ && owner_of($target) ne $owner;
		push @found, "$db_id of $owner in $target" if $target =~ /^app-stranger/;
		push @found, "$db_id is of $owner" if $owner{$db_id} && owner_of($owner{$db_id}) ne $owner;
	}
	return @found, map { "sent to $_->{app}" } $self->{peer}->requests('app-stranger');
}

sub _got_through { return map { "$_->{app}: $_->{rows}[0]" } grep { $_->{code} == 0 && $_->{op} =~ /^(?:trespass|steal)$/ && @{ $_->{rows} } } @{ $_[0]{calls} }; }

# What is tried now, when all is calm, is counted.
sub _uncounted
{
	my ($self) = @_;
	my ($held) = $self->_held or return;
	my $refused = "SELECT coalesce(sum(coalesce((detail->>'count')::int, 1)), 0) FROM appinfra.audit WHERE outcome = 'refused' AND db_id = '$held->{db_id}'";
	my ($before) = $self->rows($refused);
	my ($code) = Appinfra::Dsn::dsn_psql($held->{url}, "COPY (SELECT 1) TO '/dev/null'");
	return "it went through: $code" if $code != 3;
	return eval { $self->{host}->wait_until("SELECT ($refused) > $before", 'the row'); 1 } ? () : $@;
}

1;
