# Ways out of a tenant's database that no list of statements or functions names: what the server runs
# in a tenant's name, what the planner calls, what views and schemas let through. And what looks like
# one of these and is everyday work.
use strict;
use warnings;
use Appinfra;
use Test::More;

my $host = Appinfra->make('siege', pool_size => 2);
my $tenant = $host->provision(app_id => 'app-siege', slug => 'siege', publish => 0);
my $started = $host->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');

# The mistake that all of this is about: a superuser's function that runs whatever it is given.
$host->safe_psql('app_siege', <<'SQL');
CREATE FUNCTION run(q text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
    AS $$ DECLARE r record; s text = ''; BEGIN FOR r IN EXECUTE q LOOP s = s || r::text; END LOOP; RETURN s; END $$;
CREATE FUNCTION do_it(q text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
    AS $$ BEGIN EXECUTE q; RETURN 'did'; END $$;
SQL

sub allowed
{
	my ($sql, $expected, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($code, $out, $err) = $host->as_app($tenant->{url}, $sql);
	return is("$code $out", "0 $expected", $name) || diag $err;
}

sub refused
{
	my ($sql, $rule, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($code, $out, $err) = $host->as_app($tenant->{url}, $sql);
	isnt($code, 0, "$name: refused") || diag $out;
	return like($err, qr/Rule "$rule"/, "$name: by the rule $rule");
}

# The server works in a tenant's name: the index's function calls the superuser's.
my $loot = $host->basedir . '/loot';
allowed(<<"SQL", '', 'a table with a hostile index');
CREATE TABLE bait (a int);
CREATE FUNCTION escape(a int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS \$\$ BEGIN
    BEGIN PERFORM do_it('COPY (SELECT 1) TO PROGRAM ''touch $loot'''); EXCEPTION WHEN OTHERS THEN NULL; END;
    RETURN a; END \$\$;
INSERT INTO bait VALUES (1), (2);
CREATE INDEX ON bait (escape(a));
SQL
$host->safe_psql('app_siege', "$_ bait") for 'ANALYZE', 'REINDEX TABLE';
ok(!-e $loot, 'no program ran while a superuser looked after the table');

# The planner calls an operator's function to estimate.
refused("SELECT do_it('CREATE OPERATOR ==> (FUNCTION = pg_terminate_backend, LEFTARG = int4, RIGHTARG = int8, RESTRICT = eqsel)')",
	'operator_function', 'an operator that ends sessions');
allowed(<<'SQL', 't', 'an operator of the tenant\'s own');
CREATE FUNCTION near(int, int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT abs($1 - $2) < 2';
CREATE OPERATOR =~= (FUNCTION = near, LEFTARG = int, RIGHTARG = int, RESTRICT = eqsel);
SELECT 1 =~= 2;
SQL

# Aggregates.
refused("SELECT do_it('CREATE AGGREGATE public.confused(int8) (SFUNC = int8_avg_accum, STYPE = internal, FINALFUNC = numeric_poly_sum)')",
	'aggregate', 'an aggregate with a state of the server');
allowed(<<'SQL', '6', 'an aggregate of the tenant\'s own');
CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
SELECT total(n) FROM generate_series(1, 3) n;
SQL
$host->safe_psql('app_siege', <<'SQL');
CREATE AGGREGATE public.listing(text) (SFUNC = textcat, STYPE = text, FINALFUNC = pg_read_file);
SQL
refused("SELECT do_it(\$\$SELECT listing('PG_VERSION')\$\$)", 'function_file', 'an aggregate that reads a file');

# Extensions in the schema of the server.
my ($code, $out, $err);
refused('CREATE EXTENSION citext SCHEMA pg_catalog', 'system_schema', 'an extension in pg_catalog');
refused('SET search_path = pg_catalog; CREATE EXTENSION citext', 'system_schema', 'an extension put there by search_path');
allowed("CREATE EXTENSION citext; SELECT max(v) FROM (VALUES ('a'::citext), ('B')) t (v)", 'B', 'an extension in public, with its aggregate');

# All that are allowed by default and are installed, in every version that they can be brought up from.
my @versions = map { [ split /\|/ ] } split /\n/, $host->safe_psql('app_siege', <<'SQL');
SELECT v.name, v.version
  FROM pg_available_extension_versions v JOIN pg_available_extensions a USING (name)
 WHERE v.name = ANY (string_to_array(current_setting('appinfra.allowed_extensions'), ', '))
   AND v.name <> 'citext' AND v.trusted
   AND (v.version = a.default_version OR EXISTS (SELECT FROM pg_extension_update_paths(v.name) p
         WHERE p.source = v.version AND p.target = a.default_version AND p.path IS NOT NULL))
 ORDER BY 1, 2
SQL
cmp_ok(scalar @versions, '>', 10, 'extensions are installed');
($code, $out, $err) = $host->as_app($tenant->{url}, join("\n",
	map { qq{CREATE EXTENSION "$_->[0]" VERSION '$_->[1]' CASCADE; ALTER EXTENSION "$_->[0]" UPDATE; DROP EXTENSION "$_->[0]";} } @versions));
is($code, 0, 'each can be created, brought up to date and dropped') || diag $err;

# Settings and catalogs that show what is the host's.
$host->safe_psql('postgres', "ALTER SYSTEM SET primary_conninfo = 'password=hidden'");
$host->reload;
$host->poll_query_until('postgres', "SELECT current_setting('primary_conninfo') <> ''");
allowed("SELECT run(\$\$SELECT * FROM pg_settings WHERE name IN ('primary_conninfo', 'hba_file')\$\$)", '',
	'pg_settings does not show such a setting in another column');
allowed("SELECT run(\$\$SELECT name FROM pg_settings WHERE name IN ('work_mem')\$\$)", '(work_mem)', 'it shows the others');
refused("SELECT run('SELECT passwd FROM pg_shadow')", 'catalog_secret', 'pg_shadow');
$host->safe_psql('app_siege', 'CREATE VIEW public.leak AS SELECT rolname, rolpassword FROM pg_authid; GRANT SELECT ON leak TO PUBLIC');
refused('SELECT * FROM leak', 'catalog_secret', 'a superuser\'s view of verifiers');
refused('SELECT * FROM leak JOIN pg_user ON usename = rolname', 'catalog_secret', 'the same beside pg_user');
allowed("CREATE VIEW who AS SELECT usename, passwd FROM pg_user; SELECT passwd FROM who WHERE usename = session_user", '********',
	'a view of pg_user');

# A session that became a tenant's role, in a transaction that has failed.
($code, $out, $err) = $host->psql('app_siege', "SET ROLE app_siege_owner; BEGIN; SELECT 1/0; ALTER ROLE nobody; PREPARE TRANSACTION 'x'; SELECT 'alive'",
	on_error_stop => 0);
like($out, qr/alive/, 'the end of a failed transaction looks nothing up');

is($host->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'), $started, 'the server was never restarted');
done_testing();
