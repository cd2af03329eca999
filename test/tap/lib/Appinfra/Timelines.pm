# Owns what must hold across a failover or a restore, as the producer saw it: versions and ids never
# fall and name one thing each, what is stored logs in, and nothing else does.
#
#   my $before = snapshot($host);                    # what its ids name
#   is_deeply([ contradictions($peer, $before, snapshot($other)) ], []);
#   wait_until_healed($other);
#   is_deeply([ unusable($other, $peer) ], []);      # variables that do not hold a DSN that logs in
package Appinfra::Timelines;

use strict;
use warnings;
use Exporter 'import';
use JSON::PP;
use PostgreSQL::Test::Utils;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Logins qw(failed_logins);

our @EXPORT_OK = qw(snapshot contradictions wait_until_healed unusable live_variables open_predecessors);

# Returns {db_id}{app} of a host's tenants.
sub snapshot
{
	my ($host) = @_;
	return decode_json($host->control('SELECT coalesce(jsonb_object_agg(db_id, app_id), $${}$$) FROM appinfra.databases'));
}

# Returns what contradicts itself: in what the producer has taken (what comes late it refuses), and in snapshots of its hosts.
sub contradictions
{
	my ($peer, @snapshots) = @_;
	my (%highest, %named, @found);
	for my $request (grep { !$_->{fault} && !$_->{refused} && !$_->{stale} } $peer->requests)
	{
		my $body = $request->{body};
		my $content = encode_json([ map { $_->{id} } _content($body) ]);
		for my $item (_content($body))
		{
			my $name = "$body->{target} $item->{variable}";
			push @found, "$name: version $body->{version} after $highest{$name}"
			  if $body->{version} < ($highest{$name} // 0);
			$highest{$name} = $body->{version};
			_name(\%named, \@found, "$name version $body->{version}", $item->{id});
		}
		_name(\%named, \@found, "key $request->{headers}{'Idempotency-Key'}", $content);
		_name(\%named, \@found, "publication $body->{publication_id}", "$body->{target}: " . join ' ', map { $_->{variable} } _content($body));
	}
	for my $snapshot (@snapshots)
	{
		_name(\%named, \@found, $_, $snapshot->{$_}) for keys %$snapshot;
	}
	return sort @found;
}

# The variables of a request, each with what is delivered in it.
sub _content
{
	my ($body) = @_;
	return ((map { { variable => $_, id => "$_=$body->{set}{$_}" } } sort keys %{ $body->{set} // {} }),
		(map { { variable => $_, id => "no $_" } } sort @{ $body->{unset} // [] }));
}

sub _name
{
	my ($named, $found, $name, $thing) = @_;
	$named->{$name} //= $thing;
	push @$found, "$name is two things" if $named->{$name} ne $thing;
	return;
}

# Waits until nothing is left to be published again.
sub wait_until_healed
{
	my ($host) = @_;
	$host->wait_until('SELECT unhealed = 0 FROM appinfra.recovery', 'everything to be published again');
	return;
}

# Returns how many logins of the former timeline, of what has been published, may log in.
sub open_predecessors
{
	my ($host) = @_;
	return $host->control('SELECT count(*) FROM appinfra.credential c JOIN pg_roles r ON r.rolname = c.role_name'
		  . ' WHERE r.rolcanlogin AND c.credential_id <= (SELECT floor FROM appinfra.host)'
		  . ' AND EXISTS (SELECT FROM appinfra.publication p WHERE p.binding_id = c.binding_id)');
}

# Returns {"target variable"} of all variables that ready databases have published, with the database's name.
sub live_variables
{
	my ($host) = @_;
	return decode_json($host->control(
		'SELECT coalesce(jsonb_object_agg(v.target || $$ $$ || v.variable, d.database), $${}$$) FROM appinfra.variable v'
		  . ' JOIN appinfra.bindings b USING (binding_id) JOIN appinfra.databases d USING (db_id)'
		  . ' WHERE d.status = $$ready$$ AND EXISTS (SELECT FROM appinfra.publications p WHERE p.binding_id = b.binding_id) AND v.variable <> ALL ($${PGPASSWORD,PGHOST,PGPORT,PGDATABASE,PGSSLMODE,AGENTCOOPDB_API_KEY,AGENTCOOPDB_GATEWAY_URL}$$)'));
}

# Returns the variables at the producer that do not hold what they should: a DSN (or the user of a
# service) that logs in where a database of the host holds them, else nothing. But for those that the
# host has never heard of.
sub unusable
{
	my ($host, $peer, @unknown) = @_;
	my $live = live_variables($host);
	my $store = $peer->store;
	my (%dsns, @found);
	my $port = $host->port;
	for my $name (keys %$live)
	{
		my ($target, $variable) = split / /, $name;
		my $held = $store->{$target};
		my %value = map { $_ => $held->{$_}{value} } keys %$held;
		my $dsn = $variable eq 'PGUSER'
		  ? (defined $value{PGUSER} && "postgresql://$value{PGUSER}:$value{PGPASSWORD}\@$value{PGHOST}:$value{PGPORT}/$value{PGDATABASE}")
		  : $value{$variable};
		if (!$dsn) { push @found, "$name: nothing"; next; }
		my $part = parse_dsn($dsn);
		push @found, "$name: database $part->{database}" if $part->{database} ne $live->{$name};
		push @found, "$name: port $part->{port}" if $part->{port} != $port;
		$dsns{$name} = $dsn;
	}
	push @found, map { "$_: no login" } failed_logins($host, \%dsns);
	for my $target (grep { my $target = $_; !grep { $_ eq $target } @unknown } keys %$store)
	{
		push @found, map { "$target $_: should be unset" }
		  grep { !/^(?:PG(?!USER)|OF_S3_|AGENTCOOPDB_)/ && defined $store->{$target}{$_}{value} && !exists $live->{"$target $_"} } keys %{ $store->{$target} };
	}
	return sort @found;
}

1;
