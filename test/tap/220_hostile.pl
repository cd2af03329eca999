# Whatever a login did to be hard to remove: it is revoked at once, its role is dropped in the end, and
# nobody else of its tenant loses anything. The guard refuses most of this to tenants: here it is off,
# because what came about without it has to go as well.
use strict;
use warnings;
use Appinfra;
use Appinfra::Crowd;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Kill qw(catch_process);
use Appinfra::Wire;
use JSON::PP;
use Time::HiRes qw(time);
use Test::More;

my $host = Appinfra->make('hostile', pool_size => 2, conf => <<'CONF');
max_prepared_transactions = 10
CONF
my $tenant = $host->provision(app_id => 'app-victim', slug => 'victim', publish => 0);
my $other = $host->provision(app_id => 'app-other', slug => 'other', publish => 0);
$host->append_conf('postgresql.conf', 'appinfra.guard = off');
$host->reload;
my $reader = issue('reader');
$host->safe_psql('postgres', 'CREATE DATABASE dba');

# What has to survive everything.
allowed($tenant->{url}, <<'SQL', '', 'the tenant has data');
CREATE TABLE safe (id int PRIMARY KEY, body text);
INSERT INTO safe SELECT n, md5(n::text) FROM generate_series(1, 100) n;
CREATE VIEW sum AS SELECT count(*) || ' ' || md5(string_agg(body, '' ORDER BY id)) AS sum FROM safe;
GRANT SELECT ON sum TO app_victim_reader;
SQL
my $sum = $host->safe_psql('app_victim', 'SELECT sum FROM sum');

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

subtest 'objects of its own' => sub {
	my $victim = empowered();
	allowed($victim->{url}, <<'SQL', '', 'it owns a bit of everything');
SET ROLE NONE;
CREATE TABLE public.own (id serial PRIMARY KEY, body text);
INSERT INTO public.own (body) VALUES ('kept');
CREATE INDEX ON public.own (body);
CREATE VIEW public.own_view AS SELECT body FROM public.own;
CREATE MATERIALIZED VIEW public.own_matview AS SELECT body FROM public.own;
CREATE SEQUENCE public.own_sequence;
CREATE TYPE public.own_type AS ENUM ('a');
CREATE DOMAIN public.own_domain AS int;
CREATE FUNCTION public.own_function() RETURNS int LANGUAGE sql AS 'SELECT 7';
CREATE OPERATOR public.### (leftarg = int, rightarg = int, function = int4pl);
CREATE COLLATION public.own_collation FROM "C";
CREATE STATISTICS public.own_statistics ON id, body FROM public.own;
CREATE TEXT SEARCH CONFIGURATION public.own_search (COPY = pg_catalog.simple);
SQL
	superuser("GRANT CREATE ON DATABASE app_victim TO $victim->{username}");
	allowed($victim->{url}, 'SET ROLE NONE; CREATE SCHEMA own_schema; CREATE TABLE own_schema.t AS SELECT 8 AS x', '', 'and a schema');
	is_revoked($victim);
	allowed($tenant->{url}, <<'SQL', 'kept|kept|7|8', 'what it owned is the tenant\'s now');
INSERT INTO own (body) VALUES ('more');
DELETE FROM own WHERE body = 'more';
REFRESH MATERIALIZED VIEW own_matview;
ALTER TYPE own_type ADD VALUE 'b';
SELECT own.body, own_view.body, own_function(), t.x FROM own, own_view, own_schema.t;
DROP SCHEMA own_schema CASCADE;
SQL
};

subtest 'large objects' => sub {
	my $victim = empowered();
	my $oid = superuser("SELECT lo_from_bytea(0, 'large')");
	superuser("ALTER LARGE OBJECT $oid OWNER TO $victim->{username}");
	allowed($tenant->{url}, "SELECT lo_create(4711); GRANT SELECT ON LARGE OBJECT 4711 TO $victim->{username}", 4711, 'it is granted one');
	is_revoked($victim);
	allowed($tenant->{url}, "SELECT convert_from(lo_get($oid), 'UTF8'), lo_unlink($oid), lo_unlink(4711)", 'large|1|1', 'the tenant has it');
};

subtest 'default privileges' => sub {
	my $victim = empowered();
	allowed($victim->{url}, <<"SQL", '', 'it has some and gives some');
SET ROLE NONE;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO app_victim_reader, app_other_owner;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO app_victim_reader;
SET ROLE app_victim_owner;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO $victim->{username};
SQL
	is_revoked($victim);
	allowed($tenant->{url}, 'CREATE TABLE later AS SELECT 5 AS x', '', 'a table made later');
	allowed($reader->{url}, 'SELECT x FROM later', 5, 'has the default privileges of the tenant');
};

subtest 'policies that name it' => sub {
	my $victim = issue('owner');
	my $user = $victim->{username};
	allowed($tenant->{url}, <<"SQL", '', 'alone, among others, to restrict');
CREATE TABLE guarded (id int, level int);
INSERT INTO guarded VALUES (1, 1), (2, 2), (3, 3);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON guarded TO app_victim_reader;
CREATE POLICY alone ON guarded USING (true);
ALTER POLICY alone ON guarded TO $user;
CREATE POLICY among ON guarded FOR SELECT TO $user, app_victim_reader USING (level > 1);
CREATE POLICY strict ON guarded AS RESTRICTIVE TO $user USING (level < 3);
SQL
	is_revoked($victim);
	my $left = superuser("SELECT string_agg(polname || ' ' || polpermissive, ',' ORDER BY polname) FROM pg_policy WHERE polrelid = 'guarded'::regclass");
	is($left, 'alone true,among true,strict false', 'none has vanished');
	is( superuser(<<'SQL'), 'among app_victim_reader', 'and none is for a login or for everybody now');
SELECT string_agg(DISTINCT polname || ' ' || coalesce(r.rolname, 'PUBLIC'), ',')
  FROM pg_policy p CROSS JOIN unnest(polroles) o LEFT JOIN pg_roles r ON r.oid = o
 WHERE polrelid = 'guarded'::regclass AND (r.oid IS NULL OR r.rolname LIKE 'app%')
SQL
	allowed($reader->{url}, 'SELECT count(*) FROM guarded', 2, 'the reader sees what it saw');
	allowed($tenant->{url}, 'DROP TABLE guarded', '', 'the owner may drop the table');
};

subtest 'a policy that names a login which was rotated' => sub {
	my $user = $tenant->{username};
	allowed($tenant->{url}, <<"SQL", '', 'the login in use is named');
CREATE TABLE guarded (level int);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY alone ON guarded TO $user USING (level = 1);
SQL
	my $next = decode_json($host->control("SELECT row_to_json(c) FROM appinfra.rotate_credential('$tenant->{db_id}', publish => false) c"));
	my $old = { %$tenant };
	$tenant = { %$tenant, url => $next->{url}, username => $next->{username} };
	is_revoked($old);
	is(superuser("SELECT polroles::regrole[]::text FROM pg_policy WHERE polname = 'alone'"), "{$next->{username}}",
		'it names the successor');
	allowed($tenant->{url}, 'DROP TABLE guarded', '', 'done');
};

subtest 'grants that name it' => sub {
	my $victim = empowered();
	my $user = $victim->{username};
	allowed($tenant->{url}, <<"SQL", '', 'on all kinds of things');
CREATE SCHEMA granted;
CREATE TABLE granted.t (id serial, body text);
CREATE FUNCTION granted.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TYPE granted.y AS (a int);
GRANT ALL ON SCHEMA granted TO $user WITH GRANT OPTION;
GRANT SELECT, INSERT ON granted.t TO $user WITH GRANT OPTION;
GRANT UPDATE (body) ON granted.t TO $user;
GRANT USAGE ON SEQUENCE granted.t_id_seq TO $user;
GRANT EXECUTE ON FUNCTION granted.f() TO $user;
GRANT USAGE ON TYPE granted.y TO $user;
GRANT CREATE, TEMP ON DATABASE app_victim TO $user;
SQL
	# without the right to, as a warning
	allowed($victim->{url}, 'SET ROLE NONE; GRANT SELECT ON granted.t TO app_victim_reader', '', 'it passes one on');
	is_revoked($victim);
	allowed($tenant->{url}, 'SELECT count(*) FROM granted.t; DROP SCHEMA granted CASCADE', 0, 'the owner has all of it');
};

subtest 'rights that belong to no database' => sub {
	my $victim = issue('owner');
	$host->control("GRANT CREATE ON DATABASE app_victim TO $victim->{username}; GRANT CONNECT ON DATABASE dba TO $victim->{username};"
		  . " GRANT CREATE ON TABLESPACE pg_default TO $victim->{username}; GRANT SET ON PARAMETER log_min_messages TO $victim->{username}");
	is_revoked($victim);
};

subtest 'grants and policies of another tenant' => sub {
	my $victim = issue('owner');
	my $user = $victim->{username};
	allowed($other->{url}, <<"SQL", '', 'in another database');
CREATE TABLE lure (id int);
INSERT INTO lure VALUES (1);
ALTER TABLE lure ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON lure TO $user;
CREATE POLICY mine ON lure TO $user USING (id = 1);
CREATE POLICY shared ON lure TO $user, app_other_reader USING (id = 1);
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO $user;
SQL
	is_revoked($victim);
	allowed($other->{url}, 'SELECT count(*) FROM lure', 1, 'the other tenant has its table');
	is(superuser("SELECT string_agg(polname, ',' ORDER BY polname) FROM pg_policy", $other->{database}), 'mine,shared', 'and its policies');
};

subtest 'objects in a database of somebody else' => sub {
	my $victim = issue('owner');
	superuser("CREATE TABLE given AS SELECT 42 AS x; ALTER TABLE given OWNER TO $victim->{username}", 'dba');
	is_revoked($victim);
	is(superuser('SELECT x FROM given', 'dba'), 42, 'a table that a DBA gave it has not vanished with it');
	superuser('DROP TABLE given', 'dba');
};

subtest 'a prepared transaction' => sub {
	my $victim = empowered();
	allowed($victim->{url}, <<'SQL', '', 'it holds locks on the role and on a table');
BEGIN; SET ROLE NONE; CREATE TABLE public.in_doubt (); PREPARE TRANSACTION 'theirs';
BEGIN; SET ROLE app_victim_owner; LOCK TABLE safe IN SHARE MODE; PREPARE TRANSACTION 'lock';
SQL
	is_revoked($victim);
	is($host->control('SELECT count(*) FROM pg_prepared_xacts'), 0, 'it is rolled back');
};

subtest 'temporary objects' => sub {
	my $victim = issue('owner');
	superuser("GRANT TEMP ON DATABASE app_victim TO $victim->{username}");
	my $session = Appinfra::Wire->login($victim->{url});
	$session->query('SET ROLE NONE; CREATE TEMP TABLE t AS SELECT 1 AS x; CREATE TEMP SEQUENCE s; CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS \'SELECT 1\'');
	is_revoked($victim);
	like($session->wait_end, qr/^57P01 /, 'its session was ended');
};

subtest 'a loop of reconnects' => sub {
	my $victim = issue('owner');
	my $crowd = Appinfra::Crowd->start(4, sub { $victim->{url} }, dir => $host->basedir);
	$crowd->wait_for_logins;
	is_revoked($victim);
	my $now = time;
	$crowd->wait_for_attempts($now);
	$crowd->stop;
	is(scalar(grep { $_->{ok} && $_->{began} > $now } $crowd->seen), 0, 'it still tries, in vain');
};

subtest 'sessions under other names' => sub {
	my $victim = issue('owner');
	my %sessions = map { $_ => Appinfra::Wire->login($victim->{url}) }
	  'SET ROLE app_victim_owner', 'SET ROLE NONE', 'SET SESSION AUTHORIZATION DEFAULT', 'RESET ROLE',
	  "SET application_name = 'appinfra janitor'", 'BEGIN; SAVEPOINT a';
	$sessions{$_}->query($_) for keys %sessions;
	is_revoked($victim);
	like($sessions{$_}->wait_end, qr/^57P01 /, "ended: $_") for sort keys %sessions;
};

subtest 'a session that delays itself after its login' => sub {
	my $victim = issue('owner');
	my $marker = 'CREATE TABLE it_ran ()';
	my $session = Appinfra::Wire->begin($victim->{url}, options => '-c post_auth_delay=10');
	my $began = time;
	$session->prove;
	$session->start_query($marker);
	# it is past its login checks, and no view shows it
	my $pid = catch_process($host, qr/: $victim->{username} app_victim \S+ startup/);
	is($host->control("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND usename IS NOT NULL"), 0, 'no view shows it');
	is_revoked($victim);
	note sprintf 'all of that took %.1f s', time - $began;
	like($session->wait_end, qr/^(57P01 |42501 |28000 |$)/, 'it was ended');
	is(superuser("SELECT count(*) FROM pg_class WHERE relname = 'it_ran'"), 0, 'its query never ran');
};

subtest 'idle in a transaction, and in long queries' => sub {
	my $victim = issue('owner');
	my $idle = Appinfra::Wire->login($victim->{url});
	$idle->query('BEGIN; LOCK TABLE safe IN SHARE MODE');
	my %busy = (
		'SELECT pg_sleep(600)' => 0,
		'DO $$ BEGIN LOOP END LOOP; END $$' => 0,
		'DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN OTHERS OR query_canceled THEN NULL; END; END LOOP; END $$' => 0,
		q{SELECT count(*) FROM generate_series(1, 100000000000)} => 0,
		'SELECT pg_advisory_lock(1); SELECT pg_advisory_lock(2)' => 0);
	my $holder = Appinfra::Wire->login($tenant->{url});
	$holder->query('SELECT pg_advisory_lock(2)');
	for (keys %busy)
	{
		$busy{$_} = Appinfra::Wire->login($victim->{url});
		$busy{$_}->start_query($_);
	}
	$host->wait_until("SELECT count(*) = 5 FROM pg_stat_activity WHERE usename = '$victim->{username}' AND state = 'active'");
	$host->control("SELECT appinfra.revoke_credential('$victim->{username}')");
	is($host->control("SELECT appinfra.wait_revoked('$victim->{username}')"), 't', 'no session is left');
	is($host->control("SELECT count(*) FROM pg_stat_activity WHERE usename = '$victim->{username}'"), 0, 'nor are their queries, which never end');
	is_revoked($victim);
	like($idle->wait_end, qr/^57P01 /, 'ended: idle in a transaction');
	for (sort keys %busy)
	{
		# a first result may have come
		like(eval { $busy{$_}->wait_end } // eval { $busy{$_}->wait_end }, qr/^57P01 /, "ended: $_");
	}
	$holder->close;
};

subtest 'settings of its own role and database' => sub {
	my $victim = empowered();
	my $user = $victim->{username};
	allowed($victim->{url}, <<"SQL", '', 'the login sets what it can');
SET ROLE NONE;
ALTER ROLE $user SET role = 'none';
ALTER ROLE $user SET search_path = 'evil';
ALTER ROLE $user SET default_transaction_read_only = on;
ALTER ROLE $user SET statement_timeout = 1;
ALTER ROLE $user SET lock_timeout = 1;
ALTER ROLE $user SET default_tablespace = 'nowhere';
CREATE TABLE public.owned ();
SQL
	superuser(<<"SQL");
CREATE SCHEMA evil;
CREATE FUNCTION evil.format(text, name, regclass) RETURNS text LANGUAGE sql AS \$\$SELECT 'nonsense'\$\$;
ALTER ROLE ALL IN DATABASE app_victim SET search_path = 'evil, pg_catalog';
ALTER DATABASE app_victim SET default_transaction_read_only = on;
ALTER DATABASE app_victim SET statement_timeout = 1;
ALTER DATABASE app_victim SET role = 'app_victim_reader';
ALTER DATABASE app_victim SET default_transaction_isolation = 'serializable';
ALTER DATABASE app_victim SET idle_in_transaction_session_timeout = 1;
SQL
	$host->control("SELECT appinfra.revoke_credential('$user')");
	is($host->control("SELECT appinfra.wait_revoked('$user')"), 't', 'no session is left');
	$host->wait_until("SELECT state = 'gone' FROM appinfra.credentials WHERE username = '$user'");
	is($host->control("SELECT attempts FROM appinfra.credentials WHERE username = '$user'"), 0, 'it took one attempt');
	$host->control('ALTER DATABASE app_victim RESET ALL; ALTER ROLE ALL IN DATABASE app_victim RESET ALL');
	superuser('DROP SCHEMA evil CASCADE');
	is_gone($user);
	allowed($tenant->{url}, 'DROP TABLE owned', '', 'what it owned is the tenant\'s');
};

subtest 'a transaction of another login in the way' => sub {
	my $victim = empowered();
	my $user = $victim->{username};
	allowed($victim->{url}, 'SET ROLE NONE; CREATE TABLE public.held (); GRANT SELECT ON public.held TO app_victim_owner', '', 'it owns a table');
	my $blocker = Appinfra::Wire->login($tenant->{url});
	$blocker->query('BEGIN; SELECT FROM held');
	my $early = sub {
		$host->wait_until("SELECT attempts > 0 FROM appinfra.credentials WHERE username = '$user'");
		is($host->control("SELECT state || ' ' || last_error FROM appinfra.credentials WHERE username = '$user'"),
			'revoked canceling statement due to lock timeout', 'the view says what is in the way');
		is($host->control("SELECT count(*) FROM pg_roles WHERE rolname = '$user' AND rolcanlogin"), 0, 'the login is disabled all the same');
		is_deeply($blocker->query('SELECT 1; COMMIT'), [ [1] ], 'whoever is in the way is not ended');
	};
	is_revoked($victim, $early);
	is($host->control("SELECT last_error IS NULL FROM appinfra.credentials WHERE username = '$user'"), 't', 'in the end no error is left');
	allowed($tenant->{url}, 'DROP TABLE held', '', 'its table is the tenant\'s');
	$blocker->close;
};

subtest 'a role that a DBA renamed' => sub {
	my $victim = issue('owner');
	my $user = $victim->{username};
	my $session = Appinfra::Wire->login($victim->{url});
	$host->control("ALTER ROLE $user RENAME TO renamed");
	# a rename keeps a SCRAM verifier
	my $renamed = { %{ parse_dsn($victim->{url}) }, user => 'renamed' };
	allowed($renamed, 'SELECT 1', 1, 'it logs in under its new name');
	my ($code, $out, $err) = $host->try_control("SELECT appinfra.revoke_credential('$user')");
	is($code, 0, 'it is revoked by the name that the registry knows') or diag $err;
	is($host->control("SELECT appinfra.wait_revoked('$user')"), 't', 'no session is left') if $code == 0;
	($code, $out, $err) = $host->as_app($renamed, 'SELECT 1');
	is($code, 2, 'nobody logs in');
	$host->wait_until("SELECT state = 'gone' FROM appinfra.credentials WHERE username = '$user'");
	is($host->control("SELECT count(*) FROM pg_roles WHERE rolname IN ('renamed', '$user')"), 0, 'the role is dropped');
	like($session->wait_end, qr/^57P01 /, 'its session was ended');
	is_gone($user);
};

is($host->control("SELECT string_agg(username || ': ' || last_error, ',') FROM appinfra.credentials WHERE last_error IS NOT NULL"), '', 'no error is left');
is_deeply([ $host->orphans('dba', 'appinfra_sidecar') ], [], 'no orphans');
is(superuser('SELECT sum FROM sum'), $sum, 'the data of the tenant is as it was');
done_testing();
