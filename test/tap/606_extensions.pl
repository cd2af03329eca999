# Extensions that need a superuser: installed for a tenant by the lane, where nothing of the tenant's
# is on the script's way, and used under the guard.
use strict;
use warnings;
use Appinfra;
use Appinfra::Guard;
use PostgreSQL::Test::Utils qw(append_to_file);
use Test::More;

my $host = Appinfra->make('extensions', pool_size => 2,
	conf => "appinfra.allowed_extensions = '+moddatetime, +earthdistance, +insert_username, +pg_stat_statements, +dblink, +file_fdw, +plpython3u, +hstore_plperlu, +adminpack, +nothing, +wrapper, +speaks, +fires'\n");
my $tenant = $host->provision(app_id => 'app-1', slug => 'one', publish => 0, env => { DATABASE_URL => 'owner', W => 'writer' });
my $other = $host->provision(app_id => 'app-2', slug => 'two', publish => 0);
my ($db_id, $owner, $writer) = ($tenant->{db_id}, $tenant->{url}, $tenant->{env}{W});
my $guard = Appinfra::Guard->new($host);

sub install
{
	my ($name, $version, $id) = @_;
	return 'SELECT appinfra.install_extension(' . join(', ', map { defined $_ ? "'$_'" : 'NULL' } $id // $db_id, $name, $version) . ')';
}

sub fails
{
	my ($sql, $expected, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my (undef, undef, $err) = $host->try_control($sql);
	return like($err, $expected, $name);
}
sub inside { return $host->safe_psql('app_one', $_[0]); }

# --- what is asked for wrongly ----------------------------------------------------------------------
fails(install('moddatetime', undef, 'db-000000000000'), qr/42704.*db-000000000000/, 'an unknown database');
fails(install('nothing'), qr/42704.*"nothing" is not available/, 'an unknown extension');
fails(install('moddatetime', '77'), qr/42704.*no version "77"/, 'an unknown version');
fails(install('intagg'), qr/55000.*not allowed on this host.*\n(?:.*\n)*HINT:.*'\+name'/, 'one that is not listed');
fails(install($_), qr/42501.*not for tenants/, "$_ is refused though it is listed") for qw(dblink file_fdw plpython3u hstore_plperlu adminpack);
fails('BEGIN READ ONLY; ' . install('moddatetime'), qr/25006/, 'a read-only transaction');
fails(install('earthdistance'), qr/42704.*needs "cube", which is not installed/, 'one that needs another');
fails('SELECT appinfra.install_extension(NULL, NULL)', qr/22004/, 'no database');

# --- what an extension brings, whatever it is called --------------------------------------------------
my $share = $host->control("SELECT setting FROM pg_config WHERE name = 'SHAREDIR'");
for my $case ([ 'wrapper', 'CREATE FOREIGN DATA WRAPPER brought', 'foreign-data wrapper brought' ],
	[ 'speaks', 'CREATE LANGUAGE brought HANDLER pg_catalog.plpgsql_call_handler', 'language brought' ],
	[ 'fires', 'CREATE FUNCTION @extschema@.fire() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$; CREATE EVENT TRIGGER brought ON ddl_command_end EXECUTE FUNCTION @extschema@.fire()',
		'event trigger brought' ])
{
	my ($name, $script, $brings) = @$case;
	append_to_file("$share/extension/$name.control", "default_version = '1'\nrelocatable = false\n");
	append_to_file("$share/extension/$name--1.sql", "$script;\n");
	fails(install($name), qr/42501.*it brings $brings, which is not for tenants/, "$brings is refused, too");
}
is(inside("SELECT count(*) FROM pg_extension WHERE extname <> 'plpgsql'") . inside("SELECT count(*) FROM pg_namespace WHERE nspname = 'extensions'"), '00', 'and nothing is left of it');

# --- a tenant that lies in wait ---------------------------------------------------------------------
$guard->allowed($owner, 'CREATE SCHEMA extensions; CREATE EXTENSION cube', '', 'a tenant has a schema of that name');
fails(install('moddatetime'), qr/42P15.*"extensions" is not a superuser's alone.*\nHINT:/, 'it is not used');
$guard->allowed($owner, 'DROP SCHEMA extensions', '', 'it is dropped');
fails(install('earthdistance'), qr/42P15.*"public" is not a superuser's alone/, 'nor is one the tenant creates in, where an extension lies that it needs');
is(inside("SELECT count(*) FROM pg_namespace WHERE nspname = 'extensions'"), 0, 'what was refused has left nothing');
$guard->allowed($owner, 'DROP EXTENSION cube', '', 'that one is dropped');
inside('CREATE SCHEMA extensions; GRANT CREATE ON SCHEMA extensions TO app_one_owner');
$guard->allowed($owner, q(CREATE FUNCTION extensions.cube_dim(text) RETURNS int LANGUAGE sql AS 'SELECT 1'), '', 'a function where an operator has let the tenant in');
fails(install('cube'), qr/42P15/, 'a schema in which the tenant may create');
inside('REVOKE CREATE ON SCHEMA extensions FROM app_one_owner');
fails(install('cube'), qr/42P15/, 'a schema with something of the tenant in it');
inside('DROP FUNCTION extensions.cube_dim(text); DROP SCHEMA extensions');
$guard->allowed($owner, 'CREATE FUNCTION public.planted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE; END $$;'
	. 'CREATE DOMAIN public.earth AS int; CREATE FUNCTION public.earth() RETURNS float8 LANGUAGE sql AS $$ SELECT 666::float8 $$', '', 'names of the script in public');

# --- installed and used ------------------------------------------------------------------------------
$host->control(install('cube'));
$host->control(install('earthdistance'));
is(inside('SELECT extensions.earth()::int'), 6378168, 'its script has taken its own functions');
$host->control(install('moddatetime', '1.0'));
is(inside("SELECT string_agg(extname || ' ' || extnamespace::regnamespace || ' ' || extowner::regrole, ', ' ORDER BY 1) FROM pg_extension WHERE extname <> 'plpgsql'"),
	'cube extensions postgres, earthdistance extensions postgres, moddatetime extensions postgres', 'they are a superuser\'s, in their schema');
fails(install('moddatetime'), qr/42710.*version 1.0 of "moddatetime" is there already/, 'one that is there');
fails(install('moddatetime', '1.0'), qr/42710/, 'of the same version');
$guard->allowed($owner, <<'SQL', "1\n1", 'its functions run under the guard');
CREATE TABLE t (x int, at timestamptz DEFAULT '2000-01-01');
CREATE TRIGGER touch BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION extensions.moddatetime(at);
INSERT INTO t VALUES (1);
UPDATE t SET x = 2;
SELECT count(*) FROM t WHERE at > '2001-01-01';
SET search_path = extensions, public;
SELECT 1 WHERE earth_distance(ll_to_earth(0, 0), ll_to_earth(0, 1)) > 1000;
SQL
$guard->allowed($writer, 'SELECT extensions.gc_to_sec(0)::int', '0', 'for a writer, too');
my (undef, undef, $err) = $host->as_app($owner, 'CREATE FUNCTION extensions.f() RETURNS int LANGUAGE sql AS \'SELECT 1\'');
like($err, qr/42501/, 'the tenant creates nothing in the schema');
is($host->control("SELECT detail->>'extension' || ' ' || (detail->>'version') || ' ' || (detail->>'schema') FROM appinfra.audit WHERE action = 'install_extension' ORDER BY id DESC LIMIT 1"),
	'moddatetime 1.0 extensions', 'it is audited');
is($host->control("SELECT count(*) FROM appinfra.exposures('$db_id') WHERE rule IN ('extension', 'function_grant', 'untrusted_function')"), 0, 'and exposes nothing');

my $listed = q(SELECT string_agg(name || ' ' || installed_by || ' ' || installed, ', ' ORDER BY name) FROM tenant_extensions()
    WHERE name IN ('cube', 'dblink', 'file_fdw', 'hstore', 'insert_username', 'intagg', 'moddatetime'));
$guard->allowed($writer, $listed, 'cube CREATE EXTENSION true, hstore CREATE EXTENSION false, insert_username platform false, moddatetime platform true',
	'tenants read what they may have, by whom, and what is there; nothing that is refused');

# --- whose rows are every tenant's -------------------------------------------------------------------
$host->control(install('pg_stat_statements'));
$guard->refused($owner, 'SELECT * FROM extensions.pg_stat_statements', 'function_server|privileges', 'statements of all tenants');
$guard->refused($owner, 'SELECT extensions.pg_stat_statements_reset()', 'function_server|privileges', 'their reset');

like(($host->as_app($owner, 'SELECT * FROM tenant_statements()'))[2], qr/55000.*pg_stat_statements is not loaded.*HINT:.*shared_preload_libraries/s, 'where the library is not loaded, nothing counts statements');

# --- not ready ---------------------------------------------------------------------------------------
$host->control("SELECT appinfra.revoke_tenant('$db_id')");
fails(install('insert_username'), qr/55000/, 'a tenant that is not ready');

done_testing();
