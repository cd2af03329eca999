# pgbouncer in front of the host, in transaction mode, configured as docs/operations.md shows: rotation loses no
# query, what one client sets reaches no other, and a revoked login is out at once. The pooler's own login
# gets nothing from a tenant's database but what a pooler needs.
use strict;
use warnings;
use Appinfra;
use Appinfra::Certificates;
use Appinfra::Dsn qw(dsn_env);
use Appinfra::Guard;
use Appinfra::Pooler;
use Appinfra::Process;
use Appinfra::Wait qw(reaches);
use JSON::PP;
use Test::More;

my $authority = Appinfra::Certificates->new;
my $pem = $authority->issue('host', 'DNS:localhost,IP:127.0.0.1');
chmod 0600, $pem or die "$pem: $!";
my $host = Appinfra->make('pooler', pool_size => 3, conf => <<"CONF");
ssl = on
ssl_cert_file = '$pem'
ssl_key_file = '$pem'
CONF
$host->wait_for_pool(3);
my ($one, $two, $three) = map { $host->provision(app_id => "app-$_", slug => $_, publish => 0) } qw(one two three);
my $pooler = Appinfra::Pooler->start($host, cert => $pem, ca => $authority->file, query_wait_timeout => 2);
my %through = (PGPORT => $pooler->port, PGSSLMODE => 'require');
my %as_pooler = (PGUSER => 'appinfra_pooler', PGPASSWORD => $pooler->password);
my $guard = Appinfra::Guard->new($host);

sub pooled
{
	my ($dsn, $sql, %other) = @_;
	return $host->as_app($dsn, $sql, %through, %other);
}

# Tests that the pooler does not let somebody in.
sub kept_out
{
	my ($dsn, $name, %other) = @_;
	my ($code, undef, $err) = pooled($dsn, 'SELECT 1', %other);
	is($code, 2, $name);
	return unlike($err, qr/timeout/, "$name: and says so");
}

# Returns the value of a variable that is to be published, and says that it is.
sub published
{
	my ($variable) = @_;
	my ($id, $claim, $dsn) = split /\|/, $host->control(
		"SELECT publication_id, claim, set ->> '$variable' FROM appinfra.claim_publications('sidecar') WHERE set ? '$variable'");
	is($host->control("SELECT appinfra.complete_publication($id, '$claim')"), 't', "$variable is published");
	return $dsn;
}

# Starts clients that each insert rows, one transaction after the other; through the pooler, or as told otherwise.
sub load
{
	my ($dsn, $rows, %other) = @_;
	%other = %through if !%other;
	my $script = PostgreSQL::Test::Utils::tempdir() . '/insert.sql';
	PostgreSQL::Test::Utils::append_to_file($script, "INSERT INTO rows VALUES (current_user, session_user);\n");
	return Appinfra::Process->start(name => 'pgbench', env => { dsn_env($dsn, %other) },
		command => [ 'pgbench', '-n', '-c', 4, '-t', $rows / 4, '-f', $script ]);
}

subtest 'who gets in' => sub {
	is_deeply([ (pooled($one->{url}, 'SELECT current_user, session_user'))[0, 1] ], [ 0, 'app_one_owner|app_one' ],
		'a login, as its group');
	kept_out($one->{url}, 'not with another password', PGPASSWORD => 'wrong');
	kept_out($one->{url}, 'not in the database of another tenant', PGDATABASE => $two->{database});
	kept_out($one->{url}, 'no superuser', PGUSER => scalar getpwuid $>);
	kept_out($one->{url}, 'no group', PGUSER => 'app_one_owner');
	kept_out($one->{url}, 'not without TLS', PGSSLMODE => 'disable');
	$host->control("ALTER ROLE $three->{username} VALID UNTIL '2020-01-01'");
	kept_out($three->{url}, 'no login that has expired');
	$host->control("ALTER ROLE $three->{username} VALID UNTIL 'infinity'");
	is((pooled($three->{url}, 'SELECT 1'))[0], 0, 'until it is valid again');
};

subtest 'one client and the next' => sub {
	my ($first, $second) = map { $host->background_as($one->{url}, %through) } 1 .. 2;
	my $server = $first->query('SELECT pg_backend_pid()');
	is($second->query('SELECT pg_backend_pid()'), $server, 'two clients share a connection');
	for my $sql (
		'SET ROLE NONE', 'BEGIN; SET ROLE NONE; COMMIT', 'SET SESSION AUTHORIZATION DEFAULT', "SET search_path = ''",
		'CREATE TEMP TABLE left_over (x int)', 'PREPARE left_over AS SELECT 1', 'SELECT pg_advisory_lock(4711)',
		"SELECT set_config('role', 'none', false)")
	{
		$first->query($sql);
		is( $second->query("SELECT concat_ws('|', current_user, current_setting('search_path'), to_regclass('left_over'),"
				  . ' (SELECT count(*) FROM pg_prepared_statements),'
				  . " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()), pg_backend_pid())"),
			"app_one_owner|\"\$user\", public|0|0|$server",
			"$sql: reaches no other");
	}
	$_->quit for $first, $second;
};

subtest 'rotation under load' => sub {
	pooled($one->{url}, 'CREATE TABLE rows (as_group name, as_login name)');
	my $before = load($one->{url}, 4000);
	reaches { $host->poll_query_until('app_one', 'SELECT count(*) > 200 FROM rows') } 'queries come in';
	my $new = decode_json($host->control(
		"SELECT row_to_json(r) FROM appinfra.rotate_credential('$one->{db_id}', grace => '1h', publish => false) r"));
	my $after = load($new->{url}, 4000);
	for my $load ($before, $after)
	{
		is($load->wait_end, 0, 'all queries are answered');
		like($load->log, qr/^number of failed transactions: 0 /m, 'none has failed');
	}
	is($host->safe_psql('app_one', 'SELECT as_group, as_login, count(*) FROM rows GROUP BY 1, 2 ORDER BY 2'),
		"app_one_owner|app_one|4000\napp_one_owner|$new->{username}|4000", 'and none is lost');
	$one->{old} = { %$one };
	@$one{qw(url username)} = @$new{qw(url username)};
};

subtest 'a variable through the pooler' => sub {
	my $wanted = q({"DATABASE_URL": {"access": "writer", "via": "pooler"}});
	my ($code, undef, $err) = $host->try_control("SELECT appinfra.provision_tenant('app-four', 'u', 'four', env => '$wanted')");
	like($err, qr/55000: appinfra.pooler_host is not set.*HINT: .*ALTER SYSTEM SET appinfra.pooler_host/s, 'refused while there is none');
	is($host->control("SELECT count(*) FROM appinfra.tenant WHERE app_id = 'app-four'"), 0, 'and nothing is made');
	$host->append_conf('postgresql.conf', "appinfra.pooler_host = '127.0.0.1'\nappinfra.pooler_port = " . $pooler->port);
	$host->reload;
	$host->wait_until("SELECT current_setting('appinfra.pooler_host') <> ''");
	my $owner = $host->provision(app_id => 'app-four', slug => 'four', publish => 0, env => { DIRECT_URL => 'owner' });
	like($owner->{url}, qr/:@{[$host->port]}\//, 'a variable that did not ask for it goes to the server');
	my $four = $host->provision(app_id => 'app-five', slug => 'five', env => { DATABASE_URL => { access => 'writer', via => 'pooler' } });
	my $dsn = published('DATABASE_URL');
	like($dsn, qr/^postgresql:[^?]*\@127\.0\.0\.1:@{[$pooler->port]}\/app_five\?/, 'one that did has its address');
	is($host->control("SELECT env_keys FROM appinfra.databases WHERE db_id = '$four->{db_id}'"), '{DATABASE_URL}', 'and none is added');
	my @plain = (PGAPPNAME => 'app'); # no other address than that of the DSN
	is(($host->as_app($dsn, 'SELECT current_user, session_user', @plain))[1], 'app_five_writer|app_five', 'it logs in');
	is(($host->as_app($dsn, 'SELECT 1', PGSSLMODE => 'verify-full', PGSSLROOTCERT => $authority->file))[0], 0, 'also with verify-full');
	like($pooler->process->log, qr/app_five\@127\.0\.0\.1:\d+ login attempt/, 'through the pooler');
	my ($first, $second) = map { $host->background_as($dsn, @plain) } 1 .. 2;
	my $server = $first->query('SELECT pg_backend_pid()');
	$first->query('SET ROLE NONE');
	is($second->query('SELECT current_user, pg_backend_pid()'), "app_five_writer|$server", 'SET ROLE NONE of one client reaches no other');
	$_->quit for $first, $second;

	$host->safe_psql('app_five', 'CREATE TABLE public.rows (as_group name, as_login name); GRANT ALL ON public.rows TO app_five_writer');
	my $before = load($dsn, 4000, @plain);
	reaches { $host->poll_query_until('app_five', 'SELECT count(*) > 200 FROM public.rows') } 'queries come in';
	my $login = $host->control("SELECT username FROM appinfra.rotate_credential('$four->{db_id}', grace => '1h')");
	my $new = published('DATABASE_URL');
	like($new, qr/\/\/$login:[^\@]*\@127\.0\.0\.1:@{[$pooler->port]}\//, 'a rotated one has its address, too');
	my $after = load($new, 4000, @plain);
	for my $load ($before, $after)
	{
		is($load->wait_end, 0, 'all queries are answered');
		like($load->log, qr/^number of failed transactions: 0 /m, 'none has failed');
	}
	is($host->safe_psql('app_five', 'SELECT as_group, as_login, count(*) FROM public.rows GROUP BY 1, 2 ORDER BY 2'),
		"app_five_writer|app_five|4000\napp_five_writer|$login|4000", 'and none is lost');
};

subtest 'a revoked login' => sub {
	my ($old, $new, $other) = map { $host->background_as($_, %through) } $one->{old}{url}, $one->{url}, $two->{url};
	my $server = $other->query('SELECT pg_backend_pid()');
	$_->query('SELECT 1') for $old, $new;
	$host->control("SELECT appinfra.revoke_credential('$one->{old}{username}')");
	is($host->control("SELECT appinfra.wait_revoked('$one->{old}{username}', '1min')"), 't', 'no session is left, though the pooler kept some');
	ok(!eval { $old->query('SELECT 1'); 1 }, 'a client that was in gets no further');
	like($pooler->process->log, qr/login failed: FATAL:? .* "$one->{old}{username}"/, 'because the server has refused the pooler');
	kept_out($one->{old}{url}, 'and does not get in again');
	is($new->query('SELECT 1'), 1, 'the other login of its tenant goes on');
	is($other->query('SELECT pg_backend_pid()'), $server, 'and so does another tenant, on the same connection');
	$_->quit for $new, $other;
};

subtest 'deprovisioning' => sub {
	my $client = $host->background_as($three->{url}, %through);
	$client->query('SELECT 1');
	cmp_ok($host->control("SELECT count(*) FROM pg_stat_activity WHERE datname = '$three->{database}' AND usename = 'appinfra_pooler'"),
		'>', 0, 'the pooler has connections of its own');
	$host->control("SELECT appinfra.deprovision_tenant('$three->{db_id}', '0')");
	reaches { $host->wait_until("SELECT status = 'dropped' FROM appinfra.databases WHERE db_id = '$three->{db_id}'") }
	'the database is dropped nevertheless';
	is((pooled($one->{url}, 'SELECT 1'))[0], 0, 'others work on');
};

subtest 'the login of the pooler' => sub {
	my $ask = sub { "SELECT usename, passwd FROM pg_catalog.appinfra_pooler_auth('$_[0]')" };
	my $allowed = sub { $guard->allowed($two->{url}, $_[0], $_[1], "may: $_[0]", %as_pooler) };
	my $refused = sub {
		my ($sql, %other) = @_;
		my ($code, $out, $err) = $host->as_app($two->{url}, $sql, %as_pooler, %other);
		return like($err, qr/ERROR:  42501: .*\nDETAIL:  Rule "pooler": /, "may not: $sql") || diag "code $code, $out";
	};
	like((($host->as_app($two->{url}, $ask->('app_two'), %as_pooler))[1]), qr/^app_two\|SCRAM-SHA-256\$\S+$/, 'reads a verifier');
	$allowed->($ask->($_), '') for $one->{username}, 'app_two_owner', 'appinfra_pooler', scalar(getpwuid $>), 'x' x 80;
	# CONNECT alone makes nobody a login of the database: neither another tenant's, nor one without a label
	$host->control("CREATE ROLE joe LOGIN PASSWORD 'x'; GRANT CONNECT ON DATABASE app_two TO joe, $one->{username}");
	$allowed->($ask->($_), '') for 'joe', $one->{username};
	$host->control("REVOKE CONNECT ON DATABASE app_two FROM joe, $one->{username}; DROP ROLE joe");
	$host->control('ALTER ROLE app_two NOLOGIN');
	$allowed->($ask->('app_two'), '');
	$host->control('ALTER ROLE app_two LOGIN');
	$allowed->('SELECT 1', 1);
	$allowed->('BEGIN; SET client_encoding = latin1; COMMIT; DISCARD ALL; SHOW search_path', '"$user", public');
	$host->as_app($two->{url}, <<'SQL');
CREATE TABLE public.open (x int);
GRANT ALL ON public.open TO PUBLIC;
GRANT ALL ON SCHEMA public TO PUBLIC;
CREATE FUNCTION public.appinfra_pooler_auth(text) RETURNS TABLE (usename name, passwd text) LANGUAGE sql AS $$SELECT 'x'::name, 'y'$$;
CREATE FUNCTION public.open() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION public.plus(text, int) RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE OPERATOR public.+ (leftarg = text, rightarg = int, function = public.plus);
SQL
	$refused->($_) for 'TABLE public.open', 'SELECT public.open()', "SELECT * FROM public.appinfra_pooler_auth('app_two')",
		"SELECT * FROM pg_catalog.appinfra_pooler_auth('app_two'), public.open", 'INSERT INTO public.open VALUES (1)',
		"SELECT * FROM pg_catalog.appinfra_pooler_auth('app_two'::text OPERATOR(public.+) 1)", 'SELECT (SELECT 1)',
		"SELECT * FROM pg_catalog.appinfra_pooler_auth('app_two') ORDER BY now()", 'WITH x AS (SELECT 1) SELECT 2',
		'SELECT now()', 'SELECT * FROM pg_shadow', 'VALUES (1)', 'TABLE pg_class', 'CREATE TABLE public.own (x int)',
		'CREATE TEMP TABLE own (x int)', 'DO $$ BEGIN END $$', 'COPY public.open TO STDOUT', 'COPY (SELECT 1) TO STDOUT',
		'EXPLAIN SELECT 1', 'PREPARE x AS SELECT 1', 'DECLARE x CURSOR FOR SELECT 1', 'LISTEN x', 'NOTIFY x',
		'LOCK TABLE public.open', 'CREATE FUNCTION public.own() RETURNS int LANGUAGE sql AS $$SELECT 1$$',
		"ALTER ROLE appinfra_pooler PASSWORD 'x'", 'SELECT lo_create(0)', 'VACUUM';
	$refused->("SELECT * FROM appinfra_pooler_auth('app_two')", PGOPTIONS => '-c search_path=public,pg_catalog');
	$guard->audited("credential = 'appinfra_pooler' AND db_id = '$two->{db_id}'", 'pooler', 'what it tried');
	for my $database (qw(postgres control template1))
	{
		my ($code, undef, $err) = $host->as_app($two->{url}, 'SELECT 1', %as_pooler, PGDATABASE => $database);
		like($err, qr/FATAL: .*"$database"\n.*Rule "login_database"/, "does not enter $database");
	}
	$host->control('ALTER ROLE appinfra_pooler SUPERUSER');
	$refused->($_) for 'TABLE pg_authid', 'CREATE TABLE public.own (x int)', "SELECT pg_read_file('postgresql.conf')";
	$host->control('ALTER ROLE appinfra_pooler NOSUPERUSER');
};

subtest 'tenants and its function' => sub {
	my $ask = "SELECT * FROM pg_catalog.appinfra_pooler_auth('app_two')";
	$guard->refused($two->{url}, $ask, 'function_pooler', 'a tenant asks');
	$host->safe_psql('app_two', 'GRANT EXECUTE ON FUNCTION pg_catalog.appinfra_pooler_auth(text) TO app_two_owner');
	$guard->refused($two->{url}, $ask, 'function_pooler', 'also one that may execute it');
	$host->safe_psql('app_two', 'REVOKE EXECUTE ON FUNCTION pg_catalog.appinfra_pooler_auth(text) FROM app_two_owner');
	for my $sql ('CREATE OR REPLACE FUNCTION pg_catalog.appinfra_pooler_auth(text) RETURNS TABLE (usename name, passwd text) LANGUAGE sql AS $$SELECT NULL, NULL$$',
		'DROP FUNCTION pg_catalog.appinfra_pooler_auth(text)', 'GRANT ALL ON SCHEMA public TO appinfra_pooler',
		'GRANT appinfra_pooler TO app_two_owner', 'SET ROLE appinfra_pooler')
	{
		like(($host->as_app($two->{url}, $sql))[2], qr/ERROR:  (42501|42809): /, "may not: $sql");
	}
	like(($host->try_control('SELECT 1; SELECT * FROM pg_catalog.appinfra_pooler_auth($$x$$)'))[2], qr/42883/, 'the control database has none');
	my ($code, $out, $err);
	$code = $host->psql('app_two', $ask, stderr => \$err);
	like($err, qr/It answers in a session of "appinfra_pooler" only/, 'nor does a superuser get an answer');
};

done_testing;
