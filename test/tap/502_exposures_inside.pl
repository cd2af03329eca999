# What exposures() finds inside tenants' databases, each closed by its remedy. Tenants who want to be
# overlooked, or to be run, are not.
use strict;
use warnings;
use Appinfra::Exposures qw(:all);
use Test::More;

have_exposed('inside');

# --- inside tenants' databases -----------------------------------------------------------------------------------------
exposed("a function: $_->[0]", 'app_one', $_->[0], 'high', { rule => '^function_grant$', grantee => "^$_->[1]\$" })
  for [ 'GRANT EXECUTE ON FUNCTION pg_read_file(text) TO app_one_owner', 'app_one_owner' ],
  [ 'GRANT EXECUTE ON FUNCTION appinfra_pooler_auth(text) TO PUBLIC', 'PUBLIC' ],
  [ 'GRANT EXECUTE ON FUNCTION appinfra_pooler_auth(text) TO app_one_reader', 'app_one_reader' ],
  [ 'GRANT EXECUTE ON FUNCTION appinfra_pooler_auth(text) TO joe', 'joe' ],
  [ 'GRANT EXECUTE ON FUNCTION pg_terminate_backend(int, bigint) TO PUBLIC', 'PUBLIC' ],
  [ q{CREATE FUNCTION public."an "" alias"(text) RETURNS text LANGUAGE internal AS 'pg_read_file_all'}, 'PUBLIC' ];
exposed('a C function', 'app_one',
	q{CREATE FUNCTION public.c() RETURNS text LANGUAGE c AS '$libdir/appinfra', 'appinfra_retention'},
	'high', { rule => '^untrusted_function$' });
exposed('a tenant\'s C function', 'app_one', 'ALTER FUNCTION public.c() OWNER TO app_one_owner', 'high',
	{ rule => '^untrusted_function$', grantee => '^app_one_owner$', remedy => '^DROP' });
exposed('a superuser\'s SECURITY DEFINER', 'app_one', <<'SQL', 'high', { rule => '^definer_function$' });
CREATE FUNCTION public.anything(sql text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN EXECUTE sql; END'
SQL
exposed('somebody\'s SECURITY DEFINER', 'app_one', <<'SQL', 'medium', { rule => '^definer_function$' });
CREATE PROCEDURE public.something(sql text) LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN EXECUTE sql; END';
ALTER PROCEDURE public.something(text) OWNER TO joe
SQL
exposed('C for everyone', 'app_one', q{UPDATE pg_language SET lanpltrusted = true WHERE lanname = 'c'}, 'critical',
	{ rule => '^language$' });
exposed('a language of its own', 'app_one',
	'CREATE TRUSTED LANGUAGE mine HANDLER plpgsql_call_handler; ALTER LANGUAGE mine OWNER TO app_one_owner', 'high',
	{ rule => '^language_owner$' });
exposed('an extension', 'app_two', 'CREATE EXTENSION dblink', 'high', { rule => '^extension$' });
exposed("an extension where a tenant creates, too", 'app_two', 'CREATE EXTENSION amcheck SCHEMA public', 'medium', { rule => '^extension$', object => 'amcheck' });
$host->safe_psql('app_two', 'CREATE SCHEMA tools');
exposed("a tool of the host's in a schema of a superuser's", 'app_two', 'CREATE EXTENSION amcheck SCHEMA tools', 'notice', { rule => '^extension$', object => 'amcheck' });
$host->safe_psql('app_two', 'DROP SCHEMA tools');
$host->safe_psql('app_one', 'CREATE EXTENSION postgres_fdw');
exposed('a foreign data wrapper', 'app_one',
	'GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO PUBLIC', 'high',
	{ rule => '^foreign_server$', object => 'postgres_fdw' });
exposed('a foreign server', 'app_one',
	'CREATE SERVER "s "" 1" FOREIGN DATA WRAPPER postgres_fdw; GRANT USAGE ON FOREIGN SERVER "s "" 1" TO app_one_reader',
	'high', { rule => '^foreign_server$', object => 's "" 1' });
exposed("a tenant's $_->[0]", 'app_one', "ALTER $_->[1] OWNER TO app_one_owner", 'high',
	{ rule => '^foreign_server$', detail => 'owns' })
  for [ 'server', 'SERVER "s "" 1"' ];
exposed('a user mapping', 'app_one', 'CREATE USER MAPPING FOR app_one_owner SERVER "s "" 1"', 'high',
	{ rule => '^user_mapping$' });
exposed('a foreign table', 'app_one',
	'CREATE FOREIGN TABLE public.far (a int) SERVER "s "" 1"; GRANT SELECT ON public.far TO app_one_reader', 'high',
	{ rule => '^foreign_table$' });
exposed('a secret in an option', 'app_one', q{CREATE FOREIGN DATA WRAPPER w; CREATE SERVER x FOREIGN DATA WRAPPER w OPTIONS ("api_key" 'hunter2')},
	'medium', { rule => '^secret$' });
$host->safe_psql('app_one', 'DROP EXTENSION postgres_fdw CASCADE; DROP FOREIGN DATA WRAPPER w CASCADE');
exposed("a catalog: $_->[0]", 'app_one', $_->[0], $_->[1], { rule => '^catalog_grant$' })
  for [ 'GRANT SELECT ON pg_authid TO app_one_reader', 'high' ], [ 'GRANT UPDATE ON pg_proc TO PUBLIC', 'critical' ],
  [ 'GRANT UPDATE (rolsuper) ON pg_authid TO app_one_owner', 'critical' ],
  [ 'GRANT SELECT (subconninfo) ON pg_subscription TO PUBLIC', 'high' ],
  [ 'GRANT CREATE ON SCHEMA pg_catalog TO app_one_owner', 'critical' ],
  [ 'GRANT DELETE ON information_schema.sql_features TO PUBLIC', 'critical' ];
exposed('an event trigger', 'app_one', <<'SQL', 'critical', { rule => '^event_trigger$' });
CREATE FUNCTION public.spy() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER "spy ""1" ON ddl_command_start EXECUTE FUNCTION public.spy();
ALTER FUNCTION public.spy() OWNER TO app_one_owner
SQL
exposed('a tenant that has lost its hardening', 'app_one', <<'SQL', 'medium', { rule => '^hardening$' });
SET allow_system_table_mods = on;
DROP FUNCTION pg_catalog.tenant_sessions();
ALTER DEFAULT PRIVILEGES FOR ROLE app_one_owner REVOKE SELECT ON TABLES FROM app_one_reader
SQL
exposed("the pooler's function: $_", 'app_one', $_, 'medium', { rule => '^hardening$', detail => 'appinfra_pooler_auth' })
  for 'ALTER FUNCTION pg_catalog.appinfra_pooler_auth(text) SECURITY DEFINER',
  'REVOKE EXECUTE ON FUNCTION pg_catalog.appinfra_pooler_auth(text) FROM appinfra_pooler',
  'SET allow_system_table_mods = on; DROP FUNCTION pg_catalog.appinfra_pooler_auth(text)',
  "CREATE OR REPLACE FUNCTION pg_catalog.appinfra_pooler_auth(username text) RETURNS TABLE (usename name, passwd text) LANGUAGE sql AS 'SELECT rolname, rolpassword FROM pg_authid'";
$host->safe_psql('app_one', 'CREATE TABLE public.seen (x int); CREATE FUNCTION public.seen() RETURNS int LANGUAGE sql AS $$SELECT 1$$');
exposed("the pooler's login: $_", 'app_one', $_, 'high', { rule => '^pooler_role$', database => '^app_one$', grantee => '^appinfra_pooler$' })
  for 'GRANT SELECT ON public.seen TO appinfra_pooler', 'GRANT SELECT (x) ON public.seen TO appinfra_pooler',
  'GRANT EXECUTE ON FUNCTION public.seen() TO appinfra_pooler', 'GRANT USAGE ON SCHEMA public TO appinfra_pooler',
  'GRANT USAGE ON TYPE public.seen TO appinfra_pooler', 'GRANT USAGE ON LANGUAGE plpgsql TO appinfra_pooler',
  'CREATE SEQUENCE public.seen_n; GRANT USAGE ON SEQUENCE public.seen_n TO appinfra_pooler',
  'SELECT lo_create(4711); GRANT SELECT ON LARGE OBJECT 4711 TO appinfra_pooler', 'ALTER TABLE public.seen OWNER TO appinfra_pooler',
  'ALTER DEFAULT PRIVILEGES FOR ROLE app_one_owner IN SCHEMA public GRANT SELECT ON TABLES TO appinfra_pooler',
  'ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO appinfra_pooler';
exposed('a tenant of an older release', 'control', "UPDATE appinfra.tenant SET hardening = 1 WHERE db_id = '$two->{db_id}'",
	'medium', { rule => '^hardening$' });
exposed('a schema of somebody\'s', 'app_one', 'ALTER SCHEMA public OWNER TO joe', 'medium', { rule => '^schema_owner$' });
exposed('a schema in template1', 'template1', 'GRANT CREATE ON SCHEMA public TO PUBLIC', 'notice',
	{ rule => '^schema_create$' });

# row-level security: only where DATABASE_URL owns the table, whatever it is called
my $long = 'n' x 63;
my ($code, $out, $err) = $host->as_app($one->{url}, <<"SQL");
CREATE TABLE $long (a int);
CREATE TABLE "a "" '
b" (a int);
ALTER TABLE $long ENABLE ROW LEVEL SECURITY;
ALTER TABLE "a "" '
b" ENABLE ROW LEVEL SECURITY;
SQL
is($code, 0, 'a tenant has tables with row-level security') or diag $err;
closed('row-level security that does not bind its owner', 'notice', { rule => '^row_security$', object => 'nnn' });
closed('the same of a strange name', 'notice', { rule => '^row_security$', object => 'b"' });
$host->safe_psql('app_two',
	'CREATE TABLE public.t (); ALTER TABLE public.t OWNER TO app_two_owner; ALTER TABLE public.t ENABLE ROW LEVEL SECURITY');
is(scalar(rows({ rule => '^row_security$' })), 0, 'it binds whoever is not the owner');

# --- tenants who want to be overlooked, or to be run ------------------------------------------------------------------
($code, $out, $err) = $host->as_app($one->{url}, <<'SQL');
CREATE SCHEMA evil;
CREATE TABLE evil.ran (what text);
CREATE FUNCTION evil.format(text, VARIADIC text[]) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO evil.ran VALUES ('format'); RETURN ''; END $$;
CREATE FUNCTION evil.same(name, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO evil.ran VALUES ('='); RETURN false; END $$;
CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = text, FUNCTION = evil.same);
CREATE TABLE evil.pg_proc (LIKE pg_catalog.pg_proc);
DO $$ BEGIN
    FOR i IN 1 .. 150 LOOP
        EXECUTE format('CREATE TABLE evil.t%s (); ALTER TABLE evil.t%1$s ENABLE ROW LEVEL SECURITY', i);
    END LOOP;
END $$
SQL
is($code, 0, 'a tenant has functions that would rather be called') or diag $err;
$host->safe_psql('postgres', <<'SQL');
ALTER DATABASE app_one SET search_path = evil, pg_catalog;
ALTER DATABASE app_one SET role = app_one_owner;
ALTER DATABASE app_one SET default_transaction_isolation = serializable;
ALTER DATABASE app_one SET statement_timeout = 1;
GRANT SELECT ON pg_authid TO joe;
SQL
# With a statement_timeout that wins over the database's, under which a SET may come too late.
sub unhindered { local $ENV{PGOPTIONS} = '-c statement_timeout=0'; return $host->safe_psql('app_one', $_[0]); }
unhindered('SET search_path = pg_catalog; SET role = none; GRANT EXECUTE ON FUNCTION pg_read_file(text) TO app_one_owner');
is(scalar(rows({ rule => '^row_security$', database => '^app_one$' })), 100, 'of very many rows some are shown');
like((rows({ rule => '^more$' }))[0]{detail}, qr/more than the 100 .* "row_security"/, 'and that there are more');
is(scalar(rows({ rule => '^function_grant$' })), 1, 'and nothing else is hidden by them');
is(unhindered('SELECT count(*) FROM evil.ran'), 0, 'nothing of a tenant\'s was run');
is(scalar(rows({ database => '^app_two$' }, $one->{db_id})), 0, 'one tenant\'s exposures are not another\'s');
is(scalar(rows({ rule => '^function_grant$' }, $one->{db_id})), 1, 'but its own are');
is(scalar(rows({ rule => '^shared_catalogs$' }, $two->{db_id})), 1, 'and the host\'s');
is(scalar(rows({ rule => '^function_grant$' }, $two->{db_id})), 0, 'the other has none');

done_testing();
