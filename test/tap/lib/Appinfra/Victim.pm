# Owns a host with a tenant that is to lose a login and nothing else: "victim", with data, a reader and
# another tenant beside it; the guard is off. What tests of revocation say again and again is here.
#
#   use Appinfra::Victim qw(:all);
#   have_victim('owner');                 # sets $host, $tenant, $other, $reader
#   my $login = issue('owner');           # or empowered(): one that may own things
#   allowed($login->{url}, $sql, 'its output', 'what it does');
#   is_revoked($login);                   # now without sessions, in the end without a role
#   no_error_is_left();
package Appinfra::Victim;

use strict;
use warnings;
use Exporter 'import';
use JSON::PP;
use Test::More;
use Appinfra;

our ($host, $tenant, $other, $reader);
my $sum;

our @EXPORT_OK = qw($host $tenant $other $reader have_victim issue allowed superuser empowered is_gone is_revoked no_error_is_left);
our %EXPORT_TAGS = (all => \@EXPORT_OK);

# Makes the host and what has to survive everything.
sub have_victim
{
	my ($name) = @_;
	$host = Appinfra->make($name, pool_size => 2, conf => "max_prepared_transactions = 10\n");
	$tenant = $host->provision(app_id => 'app-victim', slug => 'victim', publish => 0);
	$other = $host->provision(app_id => 'app-other', slug => 'other', publish => 0);
	$host->append_conf('postgresql.conf', 'appinfra.guard = off');
	$host->reload;
	$reader = issue('reader');
	$host->safe_psql('postgres', 'CREATE DATABASE dba');
	allowed($tenant->{url}, <<'SQL', '', 'the tenant has data');
CREATE TABLE safe (id int PRIMARY KEY, body text);
INSERT INTO safe SELECT n, md5(n::text) FROM generate_series(1, 100) n;
CREATE VIEW sum AS SELECT count(*) || ' ' || md5(string_agg(body, '' ORDER BY id)) AS sum FROM safe;
GRANT SELECT ON sum TO app_victim_reader;
SQL
	$sum = superuser('SELECT sum FROM sum');
	return;
}

# Issues a further login of the tenant.
sub issue
{
	my ($access) = @_;
	return decode_json($host->control("SELECT row_to_json(c) FROM appinfra.issue_credential('$tenant->{db_id}', '$access') c"));
}

sub allowed
{
	my ($dsn, $sql, $expected, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($code, $out, $err) = $host->as_app($dsn, $sql);
	return is("$code $out", "0 $expected", $name) || diag $err;
}

# Runs SQL as superuser in a database, the victim's unless another is named.
sub superuser { return $host->safe_psql($_[1] // 'app_victim', $_[0]); }

# The login's role with what lets it own things: only then a session after SET ROLE NONE can do harm.
sub empowered
{
	my $victim = issue('owner');
	superuser("GRANT CREATE, USAGE ON SCHEMA public TO $victim->{username}");
	return $victim;
}

# Waits until a role is dropped, and looks at what is to be as before.
sub is_gone
{
	my ($user) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok( $host->poll_query_until('control', "SELECT state = 'gone' FROM appinfra.credentials WHERE username = '$user' ORDER BY created_at DESC LIMIT 1"),
		'the credential is gone')
	  or diag $host->control("SELECT row_to_json(c) FROM appinfra.credentials c WHERE username = '$user'");
	is($host->control("SELECT count(*) FROM pg_roles WHERE rolname = '$user'"), 0, 'the role is dropped');
	allowed($tenant->{url}, 'SELECT sum FROM sum', $sum, 'another login finds the data as it was');
	allowed($reader->{url}, 'SELECT sum FROM sum', $sum, 'so does the reader');
	return;
}

# Revokes a login: no session at once, no login ever, and in the end no role.
sub is_revoked
{
	my ($victim, $before_gone) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $user = $victim->{username};
	$host->control("SELECT appinfra.revoke_credential('$user')");
	is($host->control("SELECT appinfra.wait_revoked('$user')"), 't', 'no session is left');
	is($host->control("SELECT count(*) FROM pg_stat_activity WHERE usename = '$user'"), 0, 'none is to be seen');
	my ($code, $out, $err) = $host->as_app($victim->{url}, 'SELECT 1');
	is($code, 2, 'nobody logs in');
	$before_gone->() if $before_gone;
	is_gone($user);
	return;
}

# What has to be true of the host in the end.
sub no_error_is_left
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($host->control("SELECT string_agg(username || ': ' || last_error, ',') FROM appinfra.credentials WHERE last_error IS NOT NULL"),
		'', 'no error is left');
	is_deeply([ $host->orphans('dba', 'appinfra_sidecar') ], [], 'no orphans');
	is(superuser('SELECT sum FROM sum'), $sum, 'the data of the tenant is as it was');
	return;
}

1;
