# Owns the invariants of DSNs, logins and passwords, for Appinfra::Invariants: what variables hold, what logs
# in, what does not, and where a password stands.
package Appinfra::Invariants::Logins;

use strict;
use warnings;
use File::Temp;
use IPC::Run;
use List::Util qw(shuffle uniq);
use Appinfra::Dsn qw(dsn_psql parse_dsn);
use Appinfra::Logins qw(failed_logins);
use Appinfra::Timelines qw(unusable);

# Targets of revoked tenants keep what they hold; variables that a failover lost are unknown here.
sub _unusable
{
	my ($self) = @_;
	my @revoked = $self->rows("SELECT target FROM appinfra.bindings JOIN appinfra.databases USING (db_id) WHERE status = 'revoked' AND NOT ended");
	my %known = map { $_ => 1 } $self->rows('SELECT target || $$ $$ || variable FROM appinfra.variable');
	return grep { !/^(.*): should be unset$/ || $known{$1} } unusable($self->{host}, $self->{peer}, @revoked);
}

# The DSNs that live variables hold, each with the tenant and the access that the registry has for them.
sub _held
{
	my ($self) = @_;
	my $store = $self->{peer}->store;
	my @held;
	for my $row ($self->rows("SELECT b.target, unnest(b.variables), b.db_id, b.access FROM appinfra.bindings b JOIN appinfra.databases d USING (db_id)"
			  . " WHERE d.status = 'ready' AND NOT b.ended ORDER BY 1, 2"))
	{
		my ($target, $variable, $db_id, $access) = split /\|/, $row;
		next unless $variable =~ /_URL$/;
		push @held, { name => "$target $variable", db_id => $db_id, access => $access, url => $store->{$target}{$variable}{value} // '' };
	}
	return grep { $_->{url} ne '' } @held;
}

sub _led_astray
{
	my ($self) = @_;
	my %db_id = map { split /\|/ } $self->rows("SELECT d.datname, split_part(label, ' ', 1) FROM pg_shseclabel l JOIN pg_database d ON d.oid = l.objoid"
		  . " WHERE classoid = 'pg_database'::regclass AND provider = 'appinfra'");
	return map { $_->{name} } grep { ($db_id{ parse_dsn($_->{url})->{database} } // '') ne $_->{db_id} } $self->_held;
}

# What each access may do, tried with some of them.
sub _wrong_access
{
	my ($self) = @_;
	my @held = shuffle $self->_held;
	my @found;
	for my $one (@held[ 0 .. ($#held < 9 ? $#held : 9) ])
	{
		my $creates = (dsn_psql($one->{url}, 'BEGIN; CREATE TABLE chaos_probe (i int); ROLLBACK'))[0] == 0;
		my $has_temp = (dsn_psql($one->{url}, 'CREATE TEMP TABLE t (i int)'))[0] == 0;
		my $bypasses = (dsn_psql($one->{url}, 'SELECT rolbypassrls FROM pg_roles WHERE rolname = current_user'))[1] eq 't';
		my $access = ($creates ? 'creates ' : '') . ($has_temp ? 'temp ' : '') . ($bypasses ? 'bypasses' : '');
		my %expected = (owner => 'creates temp ', writer => 'temp ', reader => '', service => 'temp bypasses');
		push @found, "$one->{name}: $one->{access} $access" if $access ne $expected{ $one->{access} };
	}
	return @found;
}

# Everything that was ever handed out, and is nobody's now.
sub _open_to_the_revoked
{
	my ($self) = @_;
	my %lives = map { $_ => 1 } $self->rows("SELECT username FROM appinfra.credentials WHERE state IN ('waiting', 'active', 'retiring')");
	my $port = $self->{host}->port;
	my @dead = shuffle grep { !$lives{ parse_dsn($_)->{user} } } $self->_handed_out;
	return () unless @dead;
	splice @dead, $self->{logins} if @dead > $self->{logins};
	my %dsns = map { $_ => $_ =~ s/:\d+\//:$port\//r } @dead;
	my %failed = map { $_ => 1 } failed_logins($self->{host}, \%dsns);
	return map { parse_dsn($_)->{user} } grep { !$failed{$_} } @dead;
}

sub _handed_out
{
	my ($self) = @_;
	return uniq grep { /^postgres/ } (map { values %{ $_->{body}{set} // {} } } $self->{peer}->requests), $self->{journal}->urls;
}

sub _strange_passwords
{
	my ($self) = @_;
	return $self->rows("SELECT rolname FROM pg_authid WHERE rolpassword IS NOT NULL AND rolname NOT IN ('appinfra_sidecar', 'appinfra_gateway_login')"
		  . " AND rolname NOT IN (SELECT username FROM appinfra.credentials WHERE state IN ('waiting', 'active', 'retiring'))");
}

sub _not_the_active
{
	my ($self) = @_;
	my %active = map { my ($name, $user) = split /\|/; ($name => $user) } $self->rows('SELECT DISTINCT ON (b.target, v) b.target || $$ $$ || v, c.username FROM appinfra.bindings b'
		  . ' CROSS JOIN unnest(b.variables) v JOIN appinfra.credential c USING (binding_id) WHERE c.state = $$active$$ ORDER BY b.target, v, c.published_at DESC NULLS LAST');
	return map { "$_->{name} holds another" } grep { parse_dsn($_->{url})->{user} ne ($active{ $_->{name} } // '') } $self->_held;
}

sub _leaks
{
	my ($self) = @_;
	my $patterns = File::Temp->new;
	my @secrets = map { ($_->{body}{set}{OF_S3_SECRET_KEY}, substr $_->{body}{set}{AGENTCOOPDB_API_KEY} // '', -32) } grep { $_->{body}{set} } $self->{peer}->requests;
	push @secrets, map { substr $_, -32 } $self->{journal}->tokens;
	print $patterns map { "$_\n" } uniq grep { length($_ // '') } @secrets, map { parse_dsn($_)->{password} } $self->_handed_out;
	close $patterns;
	return unless -s $patterns->filename;
	my @places = ((map { ($_->data_dir, $_->logfile) } $self->{fates}->hosts), $self->{fates}->sidecar_logs);
	IPC::Run::run([ 'grep', '-rlF', '-f', $patterns->filename, @places ], '<', \undef, '>', \my $out, '2>', \my $err);
	return split /\n/, $out;
}

1;
