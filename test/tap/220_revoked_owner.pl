# Whatever a login owned: when it is revoked its role is dropped in the end, what it owned is its tenant's,
# and nobody else of its tenant loses anything. The guard refuses most of this to tenants: here it is off,
# because what came about without it has to go as well.
use strict;
use warnings;
use Appinfra::Victim qw(:all);
use Appinfra::Wire;
use Test::More;

have_victim('owner');

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

no_error_is_left();
done_testing();
