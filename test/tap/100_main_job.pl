# The main job, end to end: one SQL call, and a moment later the app's environment holds a DSN that
# works, without anybody having seen the password.
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Logins qw(failed_logins);
use Appinfra::Peer;
use Appinfra::Publications qw(publication wait_for_status wait_until_settled);
use Test::More;

my $host = Appinfra->make('main_job', pool_size => 3);

# Runs `appinfrad publish --once`; returns its exit code and its log.
sub publish_once
{
	my (%args) = @_;
	my $run = $host->start_sidecar(name => 'publish', command => 'publish',
		args => [ '--once', @{ $args{args} // [] } ], env => $args{env});
	return ($run->wait_end(60) >> 8, $run->log);
}

sub exits
{
	my ($expected, $log, $name, %args) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($code, $text) = publish_once(%args);
	is($code, $expected, $name) or diag $text;
	like($text, $log, 'and its log says so');
	return;
}

sub user { return parse_dsn($_[0])->{user}; }

# --- one SQL call, one DSN -----------------------------------------------------------------------------
# It would poll in an hour: what arrives was notified.
my $sidecar = $host->start_sidecar(env => { APPINFRA_POLL => '1h' });
$sidecar->wait_for_log(qr/database connected connection=claims/);
my $tenant = $host->provision(app_id => 'app-one', slug => 'my-app');
is($tenant->{status}, 'ready', 'provisioned');
is_deeply([ @{$tenant}{qw(password url)}, $tenant->{env} ], [ undef, undef, { DATABASE_URL => undef } ],
	'the caller is told no password');
my $dsn = $host->wait_for_env('app-one', 'DATABASE_URL');
is_deeply(
	{ %{ parse_dsn($dsn) }, password => undef },
	{
		user => 'app_myapp', password => undef, host => '127.0.0.1', port => $host->port,
		database => 'app_myapp', sslmode => 'prefer'
	},
	'the environment holds a DSN of the database');
like(parse_dsn($dsn)->{password}, qr/^[A-Za-z0-9_-]{44}$/, 'with 44 random characters');
my $published = wait_for_status($host, 'app-one', 'published');
is("$published->{attempt} $published->{username}", '1 app_myapp', 'it is published, at the first attempt');
is_deeply($published->{response}, { env_keys => ['DATABASE_URL'], version => 1 }, 'and the sink said what it stored');

my ($code, $out, $err) = $host->as_app($dsn, <<'SQL');
CREATE TABLE item (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
CREATE INDEX ON item (name);
INSERT INTO item (name) VALUES ('a'), ('b'), ('c');
UPDATE item SET name = 'd' WHERE name = 'a';
DELETE FROM item WHERE name = 'b';
ALTER TABLE item ADD COLUMN note text DEFAULT 'n';
SELECT string_agg(name || note, ' ' ORDER BY name), inet_server_addr() FROM item;
DROP TABLE item;
SQL
is($out, 'cn dn|127.0.0.1', 'the app logs in over TCP, makes tables and changes rows') or diag $err;
is($host->control("SELECT bool_and(auth_method = 'scram-sha-256') FROM pg_hba_file_rules WHERE type = 'host'"),
	't', 'where only scram-sha-256 is admitted');
($code, $out, $err) = $host->as_app({ %{ parse_dsn($dsn) }, password => 'x' x 44 }, 'SELECT 1');
like($err, qr/password authentication failed/, 'and another password does not log in');
my $other = $host->provision(app_id => 'app-other', slug => 'other', publish => 0);
for my $database ('control', 'postgres', 'template1', $other->{database})
{
	($code, $out, $err) = $host->as_app($dsn, 'SELECT 1', PGDATABASE => $database);
	is($code, 2, "the app cannot connect to $database");
}
($code, $out, $err) = $host->as_app($other->{url}, 'SELECT 1', PGDATABASE => 'app_myapp');
is($code, 2, 'nor another app to its database');

# --- two users; two databases of one app -----------------------------------------------------------------
$host->provision(app_id => 'app-two', slug => 'two',
	env => { DATABASE_URL => 'writer', DATABASE_SERVICE_URL => 'service', OWNER_URL => 'owner' });
my ($writer, $service, $owner) =
  map { $host->wait_for_env('app-two', $_) } qw(DATABASE_URL DATABASE_SERVICE_URL OWNER_URL);
is(scalar keys %{ { map { user($_) => 1 } $writer, $service, $owner } }, 3, 'three variables are three users');
is(scalar keys %{ { map { parse_dsn($_)->{database} => 1 } $writer, $service, $owner } }, 1, 'of one database');
$host->as_app($owner, <<'SQL');
CREATE TABLE secret (tenant text);
ALTER TABLE secret ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY mine ON secret USING (tenant = current_setting('app.tenant', true));
SQL
($code, $out, $err) = $host->as_app($service, "INSERT INTO secret VALUES ('x'), ('y'); SELECT count(*) FROM secret");
is($out, 2, 'the service sees all rows') or diag $err;
($code, $out, $err) = $host->as_app($writer, "SET app.tenant = 'x'; SELECT string_agg(tenant, ' ') FROM secret");
is($out, 'x', 'the writer sees its own') or diag $err;
for my $ddl ('CREATE TABLE t ()', 'ALTER TABLE secret NO FORCE ROW LEVEL SECURITY', 'DROP TABLE secret')
{
	($code, $out, $err) = $host->as_app($writer, $ddl);
	like($err, qr/ERROR:  42501: /, "the writer may not: $ddl");
}

$host->provision(app_id => 'app-pair', slug => 'pair');
my $sql = $host->provision_sql(app_id => 'app-pair', slug => 'pair-b');
($code, $out, $err) = $host->try_control($sql);
like($err, qr/ERROR:  23505: .*HINT:  /s, 'a second database of an app in the same variable is refused');
$host->provision(app_id => 'app-pair', slug => 'pair-b', env => { REPORTS_URL => 'owner' });
my %pair = map { $_ => $host->wait_for_env('app-pair', $_) } qw(DATABASE_URL REPORTS_URL);
is(join(' ', map { parse_dsn($pair{$_})->{database} } sort keys %pair), 'app_pair app_pairb',
	'in another variable both are delivered');
is_deeply([ failed_logins($host, \%pair) ], [], 'and both log in');

# --- app ids of odd characters stay below the folder -------------------------------------------------------
for my $odd ('..', 'a/b', '../../up', '100%', '%2F')
{
	my $folder = $odd =~ s/([^A-Za-z0-9._-])/sprintf '%%%02X', ord $1/ger =~ s/^\./%2E/r;
	my $row = $host->provision(app_id => $odd, slug => 'odd');
	($code, $out, $err) = $host->as_app($host->wait_for_env($folder, 'DATABASE_URL'), 'SELECT current_database()');
	is($out, $row->{database}, "the environment of \"$odd\" is in the folder $folder") or diag $err;
}

# --- several apps at once ----------------------------------------------------------------------------------
my @apps = map { "app-several-$_" } 1 .. 12;
$host->provision(app_id => $_, slug => $_) for @apps;
my %dsns = map { $_ => $host->wait_for_env($_, 'DATABASE_URL') } @apps;
is_deeply([ failed_logins($host, \%dsns) ], [], '12 apps: each DSN logs in');
is(scalar keys %{ { map { parse_dsn($_)->{database} => 1 } values %dsns } }, 12, 'each to its own database');
wait_until_settled($host);
is($host->control("SELECT count(*) FROM appinfra.publications WHERE status <> 'published' OR attempt <> 1"), 0,
	'everything was published at the first attempt');
is($sidecar->stop, 0, 'SIGTERM: exit code 0');
like($sidecar->log, qr/stopped delivered=23 stale=0 failed=0 given_back=0 lost=0 unreported=0$/m, 'with an account of it all');

# --- a login that fails is seen by failed_logins ---------------------------------------------------------------
my %some = (a => $dsn, b => $dsn =~ s{:[^:@]+@}{:wrong@}r, c => $writer, d => $owner =~ s{/app_two}{/app_none}r, e => $service);
is_deeply([ failed_logins($host, \%some) ], [ qw(b d) ], 'a DSN that does not work would be noticed');

# --- publish --once, and how it ends ---------------------------------------------------------------------------
exits(0, qr/stopped delivered=0 /, 'nothing is owed: 0');
$host->provision(app_id => 'app-once', slug => 'once');
exits(0, qr/stopped delivered=1 /, 'all is delivered: 0');
($code, $out) = $host->as_app($host->app_env('app-once')->{DATABASE_URL}, 'SELECT current_database()');
is($out, 'app_once', 'the DSN logs in');
is(publication($host, 'app-once')->{status}, 'published', 'and it is published when the program has ended');

my $peer = Appinfra::Peer->start;
$host->provision(app_id => 'app-good', slug => 'good');
$host->provision(app_id => 'app-bad', slug => 'bad');
$peer->rules({ app => 'app-bad', status => 422, body => { title => 'no' } });
exits(1, qr/stopped delivered=1 stale=0 failed=1 /, 'one failed for good: 1', env => $peer->sidecar_env);
is(publication($host, 'app-good')->{status} . ' ' . publication($host, 'app-bad')->{status}, 'published failed',
	'the other one is published');

$host->provision(app_id => 'app-late', slug => 'late');
$peer->rules({ status => 503 });
exits(4, qr/not delivered yet .*error="HTTP 503"/, 'time over: 4', env => $peer->sidecar_env, args => ['--timeout=1s']);
is(publication($host, 'app-late')->{status}, 'pending', 'it is pending again, without waiting for the lease');

$peer->rules;
exits(5, qr/the producer refuses our token/, 'the token is refused: 5',
	env => $peer->sidecar_env(OPENFACTORY_DB_PRODUCER_TOKEN => 'wrong'));
is(publication($host, 'app-late')->{status}, 'pending', 'it is pending again');
exits(2, qr/no token: set OPENFACTORY_DB_PRODUCER_TOKEN_FILE/, 'no token: 2',
	env => $peer->sidecar_env(OPENFACTORY_DB_PRODUCER_TOKEN => undef));
exits(3, qr/database not usable /, 'no database: 3',
	env => { APPINFRA_DATABASE_URL => 'postgres://nobody@127.0.0.1:1/control' });
exits(0, qr/stopped delivered=1 /, 'and when all is well again: 0', env => $peer->sidecar_env);
($code, $out) = $host->as_app($peer->wait_for_value('app-late', 'DATABASE_URL'), 'SELECT current_database()');
is($out, 'app_late', 'its DSN logs in');

is(scalar(grep { publication($host, $_)->{status} ne 'published' } 'app-late', 'app-good', 'app-once'), 0, 'all are published');
$host->wait_for_pool(3);
is_deeply([ $host->orphans ], [], 'no orphans');
done_testing();
