# harden_tenant() brings back whatever a tenant has lost, whoever is in it; harden_host() closes what
# is open to everyone, and keeps whoever is no tenant where he is.
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(dsn_env);
use Appinfra::Wait qw(reaches);
use Test::More;

my $host = Appinfra->make('harden', pool_size => 2);
my %all = (OWNER_URL => 'owner', DATABASE_URL => 'writer', READER_URL => 'reader', DATABASE_SERVICE_URL => 'service');
my $old = $host->provision(app_id => 'app-1', slug => 'old', publish => 0, env => \%all);
my $new = $host->provision(app_id => 'app-2', slug => 'new', publish => 0, env => \%all);
my ($id, $owner) = ($old->{db_id}, $old->{env}{OWNER_URL});
$host->wait_for_pool(2);

# Everything that hardening decides, as text, with the names of the one tenant.
sub shape
{
	my ($tenant) = @_;
	my $inside = $host->safe_psql($tenant->{database}, <<'SQL');
SELECT 'function', p.oid::regprocedure, proacl, prosecdef, prosrc FROM pg_proc p
 WHERE pronamespace = 'pg_catalog'::regnamespace
   AND (proacl IS NOT NULL OR proname LIKE 'tenant\_%') ORDER BY 2;
SELECT 'default', defaclobjtype, defaclrole::regrole, unnest(defaclacl)::text AS a FROM pg_default_acl ORDER BY 2, a;
SELECT 'schema', nspowner::regrole, unnest(nspacl)::text AS a FROM pg_namespace WHERE nspname = 'public' ORDER BY a;
SELECT 'init', classoid::regclass, objoid::regproc, a.grantee::regrole, a.privilege_type
  FROM pg_init_privs, aclexplode(initprivs) a WHERE classoid = 'pg_proc'::regclass AND a.grantee >= 16384 ORDER BY 3, 4
SQL
	my $shared = $host->control(<<"SQL");
SELECT 'database', datdba::regrole, datconnlimit, datistemplate, unnest(datacl)::text AS a
  FROM pg_database WHERE datname = '$tenant->{database}' ORDER BY a;
SELECT 'label', rolname, label FROM pg_shseclabel JOIN pg_authid a ON a.oid = objoid WHERE label LIKE '$tenant->{db_id}%' ORDER BY 2;
SELECT 'setting', rolname, unnest(setconfig) AS c FROM pg_db_role_setting JOIN pg_authid a ON a.oid = setrole
 WHERE rolname ~ '^$tenant->{database}' ORDER BY 2, c;
SELECT 'registry', hardening, label FROM appinfra.databases
  LEFT JOIN pg_shseclabel ON objoid = (SELECT oid FROM pg_database WHERE datname = database) AND classoid = 'pg_database'::regclass
 WHERE db_id = '$tenant->{db_id}'
SQL
	my $text = "$inside\n$shared" =~ s/$tenant->{db_id}/ID/gr =~ s/$tenant->{database}/NAME/gr;
	return { map { $_ => 1 } split /\n/, $text };
}

# Compares two shapes and shows what only one of them has.
sub alike
{
	my ($shape, $wanted, $name) = @_;
	my @differences = ((map { "- $_" } grep { !$shape->{$_} } keys %$wanted), map { "+ $_" } grep { !$wanted->{$_} } keys %$shape);
	return is(join("\n", sort @differences), '', $name);
}

sub refused
{
	my ($sql, $pattern, $name) = @_;
	my ($code, $out, $err) = $host->try_control($sql);
	return like($err, $pattern, $name);
}

# Hardens the old tenant, which has to succeed.
sub hardens
{
	my ($name) = @_;
	my ($code, $out, $err) = $host->try_control("SELECT appinfra.harden_tenant('$id')");
	return is($code, 0, $name) || diag $err;
}

# --- layer one: what PUBLIC may not execute ---------------------------------------------------------------
is( $host->safe_psql('app_old', <<'SQL'), '', 'PUBLIC may execute nothing of the kind');
SELECT string_agg(p.oid::regprocedure::text, ' ') FROM pg_proc p
 WHERE has_function_privilege('public', p.oid, 'EXECUTE')
   AND (proname ~ '^(pg_read_|pg_ls_|pg_stat_file|pg_hba|pg_file_|lo_(import|export|create|from)|pg_control_|pg_switch|pg_promote|pg_backup_)'
     OR proname ~ '^pg_(create|drop|copy|replication|logical|sync)_.*(slot|emit)' OR proname ~ '^pg_replication_origin'
     OR proname ~ '^pg_(cancel|terminate)_backend$' OR proname IN ('pg_reload_conf', 'pg_rotate_logfile', 'pg_nextoid'))
SQL
my $fresh = shape($new);
alike(shape($old), $fresh, 'two new tenants are alike');

# --- what is lost comes back ----------------------------------------------------------------------------------
$host->as_app($owner, 'CREATE TABLE item AS SELECT 7 AS n');
$host->safe_psql('app_old', <<'SQL');
SET allow_system_table_mods = on;
DROP FUNCTION pg_catalog.tenant_sessions(), pg_catalog.tenant_cancel_session(int), pg_catalog.tenant_terminate_session(int);
CREATE FUNCTION pg_catalog.tenant_cancel_session(pid int) RETURNS boolean LANGUAGE sql AS 'SELECT pg_cancel_backend(pid)';
CREATE FUNCTION pg_catalog.tenant_check_session(wanted int) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE FUNCTION pg_catalog.tenant_access(login oid) RETURNS text LANGUAGE sql AS 'SELECT NULL::text';
GRANT EXECUTE ON FUNCTION pg_cancel_backend(int), pg_create_physical_replication_slot(name, boolean, boolean), lo_create(oid) TO PUBLIC;
REVOKE ALL ON FUNCTION lo_creat(int) FROM app_old_owner;
ALTER SCHEMA public OWNER TO pg_database_owner;
GRANT ALL ON SCHEMA public TO PUBLIC;
REVOKE ALL ON SCHEMA public FROM app_old_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app_old_owner REVOKE ALL ON TABLES FROM app_old_reader, app_old_service;
ALTER DEFAULT PRIVILEGES FOR ROLE app_old_owner REVOKE ALL ON SCHEMAS FROM app_old_writer;
ALTER DATABASE app_old OWNER TO app_old_owner;
GRANT ALL ON DATABASE app_old TO PUBLIC;
GRANT ALL ON DATABASE app_old TO app_new_owner, app_old_reader WITH GRANT OPTION;
REVOKE ALL ON DATABASE app_old FROM app_old_service, app_old;
ALTER DATABASE app_old CONNECTION LIMIT -1;
SECURITY LABEL FOR appinfra ON DATABASE app_old IS NULL;
SECURITY LABEL FOR appinfra ON ROLE app_old_owner IS NULL;
SECURITY LABEL FOR appinfra ON ROLE app_old IS NULL;
ALTER ROLE app_old RESET ALL;
ALTER ROLE app_old_2 SET search_path = evil;
SQL
$host->control("UPDATE appinfra.tenant SET hardening = 1 WHERE db_id = '$id'");
isnt(join(' ', sort keys %{ shape($old) }), join(' ', sort keys %$fresh), 'a tenant has lost its hardening');
$host->control("SELECT appinfra.harden_tenant('$id')");
alike(shape($old), $fresh, 'harden_tenant brings all of it back');
is($host->control("SELECT count(*) FROM appinfra.exposures('$id') WHERE severity <> 'notice' AND object IS DISTINCT FROM 'fsync'"), 0,
	'and nothing is exposed');
$host->control("SELECT appinfra.harden_tenant('$id')");
alike(shape($old), $fresh, 'again, it changes nothing');
is($host->control("SELECT detail ->> 'from', detail ->> 'to' FROM appinfra.audit WHERE action = 'harden_tenant' ORDER BY id"),
	"1|4\n4|4", 'both are in the audit');
is(($host->as_app($old->{env}{READER_URL}, 'SELECT n, current_user FROM item'))[1], '7|app_old_reader', 'its logins work');
$host->as_app($owner, 'CREATE TABLE later (n int)');
is(($host->as_app($old->{env}{READER_URL}, 'SELECT count(*) FROM later'))[1], 0, 'and see what is made later');
$host->control('ALTER ROLE app_old SET work_mem = 77; ' . "SELECT appinfra.harden_tenant('$id')");
is($host->control("SELECT count(*) FROM pg_db_role_setting, unnest(setconfig) c WHERE setrole = 'app_old'::regrole AND c = 'work_mem=77'"),
	1, 'what an operator has set for a login stays');
$host->control('ALTER ROLE app_old RESET work_mem');

# a dump by the tenant does not carry any of it
my $dump = sub {
	my %env = dsn_env($owner);
	local @ENV{ keys %env } = values %env;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'pg_dump', '--schema-only' ], '>', \$out, '2>', \$err) or diag $err;
	return $out;
};
my $before = $dump->();
unlike($before, qr/tenant_|pg_cancel_backend|lo_create/, 'a dump by the tenant does not carry it');

# --- who may, and when ----------------------------------------------------------------------------------------
refused('SELECT appinfra.harden_tenant(NULL)', qr/ERROR:  22004: db_id is NULL/, 'NULL');
refused("SELECT appinfra.harden_tenant('db-000000000000')", qr/ERROR:  42704: /, 'an unknown one');
refused("SET ROLE appinfra_publisher; SELECT appinfra.harden_tenant('$id')", qr/ERROR:  42501/, 'a publisher');
refused("BEGIN READ ONLY; SELECT appinfra.harden_tenant('$id')", qr/ERROR:  25006/, 'a read-only transaction');
my ($code, $out, $err) = $host->try_control("SET ROLE appinfra_admin; SELECT appinfra.harden_tenant('$id')");
is($code, 0, 'the provisioning lane may') or diag $err;
refused('BEGIN; SELECT appinfra.harden_tenant(db_id) FROM appinfra.provision_tenant(\'app-3\', \'u\', \'three\', publish => false)',
	qr/ERROR:  55000: database "app_three" was renamed in this transaction.*HINT:  COMMIT first/s, 'one of the same transaction');
$host->control("SECURITY LABEL FOR appinfra ON ROLE app_old IS '$new->{db_id} login owner'");
refused("SELECT appinfra.harden_tenant('$id')", qr/ERROR:  55000: role "app_old" has another label/, 'a role of another tenant');
$host->control('SECURITY LABEL FOR appinfra ON ROLE app_old IS NULL');
$host->control("BEGIN; SELECT appinfra.harden_tenant('$id'); ROLLBACK");
is($host->control("SELECT count(*) FROM pg_shseclabel WHERE objoid = 'app_old'::regrole"), 0, 'a rollback undoes what is shared');
$host->control("BEGIN; SELECT appinfra.harden_tenant(db_id) FROM appinfra.databases; SELECT appinfra.harden_tenant(db_id) FROM appinfra.databases; COMMIT");
alike(shape($old), $fresh, 'all of them, twice in one transaction');

# --- what somebody has made of the server's own functions and views -----------------------------------------
$host->safe_psql('app_old', <<'SQL');
SET allow_system_table_mods = on;
CREATE VIEW public.on_it AS SELECT information_schema._pg_char_max_length(25, 1), lpad('a', 3);
CREATE OR REPLACE FUNCTION information_schema._pg_char_max_length(typid oid, typmod int4) RETURNS int LANGUAGE sql AS 'SELECT 42';
CREATE OR REPLACE FUNCTION pg_catalog.lpad(text, int) RETURNS text LANGUAGE sql AS 'SELECT $1';
ALTER FUNCTION pg_catalog.lpad(text, int) OWNER TO app_old_owner;
CREATE OR REPLACE VIEW information_schema.enabled_roles AS SELECT NULL::information_schema.sql_identifier AS role_name;
GRANT SELECT ON information_schema.enabled_roles TO app_old_reader;
SQL
hardens('they are put back');
is($host->safe_psql('app_old', "SELECT lpad('a', 3), count(*) > 0, has_table_privilege('app_old_reader', 'information_schema.enabled_roles', 'SELECT') FROM information_schema.enabled_roles"),
	'  a|t|t', 'they do what they did, with the privileges that they have');
is($host->safe_psql('app_old', "SELECT proowner FROM pg_proc WHERE oid = 'lpad(text, int)'::regprocedure"), 10, "and are a superuser's again");
is($host->safe_psql('app_old', 'SELECT * FROM public.on_it; DROP VIEW public.on_it'), '|  a', 'what depends on them has stayed');

# --- tenants in the way -----------------------------------------------------------------------------------------
$host->safe_psql('postgres', 'ALTER DATABASE app_old SET search_path = evil; ALTER DATABASE app_old SET role = app_old_reader; ALTER DATABASE app_old SET default_transaction_read_only = on');
hardens('settings of the database do not hijack the worker');
$host->safe_psql('postgres', 'ALTER DATABASE app_old RESET ALL');
my $session = $host->background_as($owner);
$session->query_safe('BEGIN; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO app_old_reader');
refused("SELECT appinfra.harden_tenant('$id')", qr/ERROR:  55P03: the database could not be hardened.*HINT:  A session of the tenant may be in the way/s,
	'a tenant that holds a lock is waited for, but not for ever');
$session->query_safe('ROLLBACK');
hardens('afterwards it goes on');
$session->quit;
$host->safe_psql('app_old', <<'SQL');
CREATE FUNCTION public.spy() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
ALTER FUNCTION public.spy() OWNER TO app_old_owner;
CREATE EVENT TRIGGER spy ON ddl_command_end EXECUTE FUNCTION public.spy()
SQL
refused("SELECT appinfra.harden_tenant('$id')", qr/ERROR:  55000: .*event trigger "spy" would run code/, 'a tenant\'s code is not run');
$host->safe_psql('app_old', 'DROP EVENT TRIGGER spy; DROP FUNCTION public.spy()');
($code, $out, $err) = $host->as_app($owner, 'DROP SCHEMA public CASCADE');
is($code, 0, 'a tenant may drop schema public') or diag $err;
hardens('and can be hardened without it');

# --- one that is kept, and one that is gone -----------------------------------------------------------------------
$host->control("SELECT appinfra.deprovision_tenant('$new->{db_id}')");
$host->wait_until("SELECT status = 'retained' FROM appinfra.databases WHERE db_id = '$new->{db_id}'");
$host->control("UPDATE appinfra.tenant SET hardening = 1 WHERE db_id = '$new->{db_id}'; SELECT appinfra.harden_tenant('$new->{db_id}')");
$host->control("SELECT count(*) FROM appinfra.restore_tenant('$new->{db_id}', publish => false)");
is($host->control("SELECT hardening FROM appinfra.databases WHERE db_id = '$new->{db_id}'"), 4, 'one that is kept can be hardened, and restored');
$host->control("SELECT appinfra.deprovision_tenant('$new->{db_id}', '0')");
$host->wait_until("SELECT status = 'dropped' FROM appinfra.databases WHERE db_id = '$new->{db_id}'");
refused("SELECT appinfra.harden_tenant('$new->{db_id}')", qr/ERROR:  55000: .*Its status is "dropped"/s, 'one that is gone cannot');

# --- shells of an older hardening make way ----------------------------------------------------------------------
$host->control("UPDATE appinfra.shell SET hardening = 1");
my $shells = $host->control('SELECT array_agg(db_id) FROM appinfra.pool');
$host->restart;
reaches { $host->wait_until("SELECT count(*) = 2 AND bool_and(hardening = 4) FROM appinfra.shell WHERE status = 'ready' AND db_id <> ALL ('$shells')") }
	'shells of an older hardening are replaced';

# --- the host --------------------------------------------------------------------------------------------------------
$host->safe_psql('postgres', <<'SQL');
CREATE ROLE joe LOGIN PASSWORD 'joe';
CREATE ROLE boss LOGIN;
CREATE DATABASE theirs OWNER boss;
GRANT CONNECT ON DATABASE app_old TO PUBLIC;
GRANT CREATE ON DATABASE postgres TO PUBLIC;
GRANT pg_monitor TO app_old_owner;
GRANT SET ON PARAMETER session_replication_role TO PUBLIC;
ALTER ROLE app_old_writer CREATEDB;
SQL
refused('SET ROLE appinfra_admin; SELECT * FROM appinfra.harden_host()', qr/ERROR:  42501/, 'the host is for superusers');
refused('SELECT * FROM appinfra.harden_host(NULL)', qr/ERROR:  22004: apply is NULL/, 'NULL');
my $grantor = $host->pg_version->major >= 16 ? ' GRANTED BY postgres' : '';
my $steps = <<"STEPS" =~ s/\n\z//r;
ALTER ROLE app_old_writer NOCREATEDB
GRANT CONNECT, CREATE, TEMPORARY ON DATABASE postgres TO appinfra_sidecar, boss, joe
GRANT CONNECT, TEMPORARY ON DATABASE theirs TO appinfra_sidecar, joe
REVOKE CONNECT ON DATABASE app_old FROM PUBLIC
REVOKE CONNECT, CREATE, TEMPORARY ON DATABASE postgres FROM PUBLIC
REVOKE CONNECT, TEMPORARY ON DATABASE theirs FROM PUBLIC
REVOKE SET ON PARAMETER session_replication_role FROM PUBLIC CASCADE
REVOKE pg_monitor FROM app_old_owner$grantor CASCADE
STEPS
my $shown = 'SELECT statement FROM appinfra.harden_host(%s) WHERE applied = %s ORDER BY statement COLLATE "C"';
is($host->control(sprintf $shown, '', 'false'), $steps, 'harden_host shows what it would do');
is($host->control(sprintf $shown, '', 'false'), $steps, 'and does nothing');
$host->control('BEGIN; SELECT count(*) FROM appinfra.harden_host(true); ROLLBACK');
is($host->control(sprintf $shown, '', 'false'), $steps, 'nor when it is rolled back');
is($host->control(sprintf $shown, 'true', 'true'), $steps, 'applied, it says what it has done');
is($host->control(sprintf $shown, '', 'false'), '', 'and nothing is left');
is($host->control("SELECT detail ->> 'statements' FROM appinfra.audit WHERE action = 'harden_host'"), 8, 'it is in the audit');
is($host->control("SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolcanlogin AND has_database_privilege(rolname, 'theirs', 'CONNECT') AND rolname !~ '^app_'"),
	join(' ', sort 'appinfra_sidecar', 'boss', 'joe', scalar getpwuid $>), 'whoever is no tenant is not locked out');
is($host->control("SELECT count(*) FROM pg_roles WHERE has_database_privilege(rolname, 'theirs', 'CONNECT') AND rolname ~ '^app_'"),
	0, 'whoever is one is');

# --- a standby ---------------------------------------------------------------------------------------------------------

done_testing();
