# What exposures() finds of whose code runs in tenants' databases: code of theirs on what is others',
# closed functions in what they have stored, changes to what came with the server. Each is closed by its
# remedy; what is harmless is not shown, and hides nothing.
use strict;
use warnings;
use Appinfra::Exposures qw(:all);
use Test::More;

have_exposed('code');

exposed('a child of a system table', 'app_one', 'CREATE TABLE public.child () INHERITS (pg_catalog.pg_proc)', 'critical', { rule => '^catalog_child$' });
$host->safe_psql('app_one', <<'SQL');
CREATE TABLE public.ours (x int);
CREATE FUNCTION public.fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; ALTER FUNCTION public.fires() OWNER TO app_one_owner;
CREATE FUNCTION public.pure(x int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT x'; ALTER FUNCTION public.pure(int) OWNER TO app_one_owner;
SQL
exposed("a tenant's code on a superuser's table: $_->[0]", 'app_one', $_->[1], 'critical', { rule => '^tenant_code$', detail => 'app_one_owner can change' })
  for [ 'trigger', 'CREATE TRIGGER fires AFTER INSERT ON public.ours EXECUTE FUNCTION public.fires()' ],
  [ 'index', 'CREATE INDEX ON public.ours (public.pure(x))' ], [ 'CHECK', 'ALTER TABLE public.ours ADD CHECK (public.pure(x) = x)' ],
  [ 'default', 'ALTER TABLE public.ours ALTER x SET DEFAULT public.pure(1)' ],
  [ 'rule', 'CREATE RULE r AS ON INSERT TO public.ours WHERE public.pure(new.x) = 1 DO ALSO DELETE FROM public.ours WHERE false' ],
  [ 'policy', 'CREATE POLICY p ON public.ours USING (public.pure(x) = x)' ];
exposed("a right to put code on a table: $_", 'app_one', $_, 'high', { rule => '^table_grant$' })
  for 'GRANT TRIGGER ON public.ours TO app_one_owner', 'GRANT REFERENCES ON public.ours TO PUBLIC',
  'GRANT REFERENCES (x) ON public.ours TO app_one_writer';
exposed("what a tenant has stored: $_->[0]", 'app_one', "$_->[1]; ALTER $_->[0] OWNER TO app_one_owner", 'high', { rule => '^stored_call$', detail => $_->[2] })
  for [ 'VIEW public.v', "CREATE VIEW public.v AS SELECT pg_read_file('x')", 'pg_read_file' ],
  [ 'MATERIALIZED VIEW public.m', "CREATE MATERIALIZED VIEW public.m AS SELECT query_to_xml('SELECT 1', true, true, '') WITH NO DATA", 'query_to_xml' ],
  [ 'TABLE public.d', "CREATE TABLE public.d (x text DEFAULT pg_read_file('x'))", 'pg_read_file' ],
  [ 'TABLE public.k', 'CREATE TABLE public.k (x text CHECK (pg_terminate_backend(length(x))))', 'pg_terminate_backend' ],
  [ 'DOMAIN public.o', 'CREATE DOMAIN public.o AS text CHECK (pg_stat_file(VALUE) IS NULL)', 'pg_stat_file' ],
  [ 'FUNCTION public.b()', "CREATE FUNCTION public.b() RETURNS text BEGIN ATOMIC SELECT pg_read_file('x'); END", 'pg_read_file' ];
exposed('an aggregate of a closed function in what a tenant has stored', 'app_one',
	q{CREATE AGGREGATE public.g(text) (SFUNC = ts_rewrite, STYPE = tsquery, INITCOND = 'a'); CREATE VIEW public.w AS SELECT public.g('SELECT')}
	  . q{; ALTER VIEW public.w OWNER TO app_one_owner; ALTER AGGREGATE public.g(text) OWNER TO app_one_owner},
	'high', { rule => '^stored_call$', detail => 'ts_rewrite' });
$host->safe_psql('app_one', 'DROP AGGREGATE public.g(text)');
exposed("relations in what a tenant has stored: $_->[0]", 'app_one', "$_->[1]; ALTER $_->[0] OWNER TO app_one_owner", 'high', { rule => '^stored_relation$', detail => $_->[2] })
  for [ 'VIEW public.v', 'CREATE VIEW public.v WITH (security_invoker) AS SELECT rolpassword FROM pg_authid', 'pg_authid' ],
  [ 'TABLE public.p', 'CREATE TABLE public.p (x int); CREATE POLICY p ON public.p USING (EXISTS (SELECT FROM pg_statistic))', 'pg_statistic' ],
  [ 'TABLE public.u', 'CREATE TABLE public.u (x int); CREATE RULE r AS ON INSERT TO public.u DO ALSO SELECT umoptions FROM pg_user_mapping', 'pg_user_mapping' ];
exposed("a definer function with the caller's search_path", 'app_one',
	q{CREATE FUNCTION public.narrow(x text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN lower(x); END'; REVOKE ALL ON FUNCTION public.narrow(text) FROM PUBLIC},
	'high', { rule => '^search_path$', object => 'narrow' });
exposed("a superuser's helper with the caller's search_path", 'app_one',
	q{CREATE FUNCTION public.helper(x text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN lower(x); END'}, 'medium', { rule => '^search_path$', object => 'helper' });
exposed("added to the server's schemas: $_", 'app_one', "SET allow_system_table_mods = on; $_", 'critical', { rule => '^system_addition$' })
  for "CREATE FUNCTION pg_catalog.extra() RETURNS int LANGUAGE sql SET search_path = pg_catalog AS 'SELECT 1'", 'CREATE TABLE information_schema.extra (x int)',
  'CREATE DOMAIN information_schema.extra AS int', 'CREATE INDEX ON information_schema.sql_parts (feature_id)',
  'CREATE RULE extra AS ON INSERT TO information_schema.schemata DO INSTEAD NOTHING', 'ALTER DOMAIN information_schema.cardinal_number ADD CHECK (VALUE IS NULL OR VALUE >= 0)';
exposed("replaced in the server's schemas: $_->[0]", 'app_one', "SET allow_system_table_mods = on; $_->[1]", 'critical', { rule => '^system_definition$', object => $_->[0] })
  for [ '_pg_truetypid', "CREATE OR REPLACE FUNCTION information_schema._pg_truetypid(pg_attribute, pg_type) RETURNS oid LANGUAGE sql AS 'SELECT 1::oid'" ],
  [ 'lpad', q{CREATE OR REPLACE FUNCTION pg_catalog.lpad(text, int) RETURNS text LANGUAGE sql AS 'SELECT $1'} ],
  [ 'enabled_roles', 'CREATE OR REPLACE VIEW information_schema.enabled_roles AS SELECT NULL::information_schema.sql_identifier AS role_name' ];
is($host->safe_psql('app_one', "SELECT lpad('a', 2), count(*) > 0 FROM information_schema.enabled_roles"), ' a|t', 'they do again what they did');
my ($made, undef, $why) = $host->as_app($one->{url}, <<'SQL');
DO $$ BEGIN FOR i IN 1 .. 120 LOOP
    EXECUTE format('CREATE TYPE harmless%s AS RANGE (subtype = int); CREATE AGGREGATE harmless%1$s(int) (SFUNC = int4pl, STYPE = int)', i);
END LOOP; END $$;
CREATE FUNCTION first_of_two(anyelement, anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT $1';
CREATE AGGREGATE first(anyelement) (SFUNC = first_of_two, STYPE = anyelement, PARALLEL = SAFE);
SQL
is($made, 0, 'a tenant has range types and aggregates, also of a function of its own') or diag $why;
is_deeply([ rows({ rule => '^(untrusted_function|more)$' }), rows({ object => 'first', severity => '^(critical|high)$' }) ], [], 'which are harmless');
$host->safe_psql('app_one', <<'SQL');
DO $$ BEGIN FOR i IN 1 .. 120 LOOP
    EXECUTE format('CREATE FUNCTION public.a%s() RETURNS int LANGUAGE plpgsql AS $f$BEGIN RETURN 1; END$f$', i);
END LOOP; END $$;
CREATE FUNCTION public.zz() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN 1; END';
SQL
is(scalar(rows({ rule => '^search_path$', severity => '^high$', object => 'zz' })), 1, 'very many rows of one severity hide none of another');
like((rows({ rule => '^more$' }))[0]{detail}, qr/more than the 100 .* "search_path"/, 'and it is said that there are more');
$host->safe_psql('app_one', <<'SQL');
DO $$ BEGIN FOR i IN 1 .. 120 LOOP EXECUTE format('DROP FUNCTION public.a%s()', i); END LOOP; END $$;
DROP FUNCTION public.zz(), public.narrow(text), public.helper(text);
SQL

done_testing();
