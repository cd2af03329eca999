# Whom the guard leaves alone: superusers, other roles and databases, replication, autovacuum, dumps
# of the whole host. And where it does speak in a superuser's session: when that runs a tenant's code.
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Guard;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $host = Appinfra->make('others', pool_size => 2, init => { allows_streaming => 1 }, conf => <<'CONF');
wal_level = logical
max_prepared_transactions = 5
autovacuum_naptime = 1s
CONF
my $hba = $host->data_dir . '/pg_hba.conf';
PostgreSQL::Test::Utils::append_to_file($hba, "host replication all 127.0.0.1/32 trust\nlocal plain plain trust\n");
$host->reload;
my $tenant = $host->provision(app_id => 'app-1', slug => 'one', publish => 0);
my $guard = Appinfra::Guard->new($host);
my $dir = $host->basedir;
my ($owner, $group) = ($tenant->{url}, 'app_one_owner');

sub works
{
	my ($database, $sql, $expected, $name, @more) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($out, $err) = ('', '');
	my $code = $host->psql($database, $sql, stdout => \$out, stderr => \$err, on_error_stop => 1, @more);
	return is("$code $out", "0 $expected", $name) || diag $err;
}

# --- superusers, in every database ---------------------------------------------------------------------
$host->safe_psql('postgres', 'CREATE DATABASE plain; CREATE ROLE plain LOGIN; CREATE ROLE plain_dba LOGIN CREATEROLE CREATEDB REPLICATION');
for my $database ('plain', 'app_one', 'control')
{
	works($database, <<"SQL", 't|1|t|1', "a superuser does all that tenants may not, in $database");
CREATE EXTENSION dblink; CREATE EXTENSION file_fdw; CREATE EXTENSION pageinspect; CREATE EXTENSION pg_trgm;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE version (x text) SERVER files OPTIONS (filename '@{[ $host->data_dir ]}/PG_VERSION');
CREATE FUNCTION same(int, int) RETURNS int LANGUAGE internal AS 'int4pl';
COPY (SELECT 1) TO '$dir/file'; COPY (SELECT 1) TO PROGRAM 'cat > $dir/program';
LOAD 'auto_explain';
SET session_replication_role = replica; SET local_preload_libraries = ''; SET max_parallel_workers = 8; SET log_statement = 'none';
CREATE ROLE made LOGIN PASSWORD 'x'; ALTER ROLE made SET work_mem = '1MB'; GRANT plain TO made; SET ROLE made; RESET ROLE;
SET SESSION AUTHORIZATION plain; RESET SESSION AUTHORIZATION; DROP OWNED BY made; DROP ROLE made;
BEGIN; UPDATE pg_authid SET rolconnlimit = 5 WHERE rolname = 'plain'; ROLLBACK;
BEGIN; CREATE TABLE prepared (x int); PREPARE TRANSACTION 'p'; ROLLBACK PREPARED 'p';
ALTER SYSTEM SET work_mem = '5MB'; ALTER SYSTEM RESET work_mem;
CHECKPOINT;
SELECT pg_create_logical_replication_slot('slot', 'test_decoding') \\g /dev/null
SELECT pg_drop_replication_slot('slot') \\g /dev/null
CREATE PUBLICATION everything FOR ALL TABLES; DROP PUBLICATION everything;
SELECT pg_read_file('PG_VERSION') IS NOT NULL, (SELECT count(*) FROM version), (SELECT count(rolpassword) >= 0 FROM pg_authid), same(0, 1);
DROP FOREIGN TABLE version; DROP SERVER files; DROP FUNCTION same; DROP EXTENSION dblink, file_fdw, pageinspect, pg_trgm;
SQL
}
works('plain', 'CREATE TABLE t (x int); SELECT max_parallel.setting FROM pg_settings max_parallel WHERE name = \'max_parallel_workers\'', '8', 'no limit on parallel workers');

# --- roles that are nobody's tenant ---------------------------------------------------------------------
works('plain', "GRANT CREATE ON SCHEMA public TO plain; GRANT pg_read_server_files TO plain; GRANT EXECUTE ON FUNCTION pg_read_file(text) TO plain", '', 'granted');
works('plain', <<'SQL', 't|' . $host->pg_version->major, 'a role of the host uses what it was granted', extra_params => [ '-U', 'plain' ]);
SET work_mem = '1MB'; SET max_parallel_workers = 8;
CREATE TABLE mine (x text); COPY mine FROM '/etc/hostname'; ALTER ROLE plain SET search_path = public;
SELECT length(pg_read_file('PG_VERSION')) > 0, substr(current_setting('server_version'), 1, 2);
SQL

# --- replication -----------------------------------------------------------------------------------------
$host->backup('base');
my $standby = $host->start_standby('standby');
$guard->allowed($owner, 'CREATE TABLE replicated AS SELECT 7 AS x', '', 'a tenant writes');
$host->wait_for_catchup($standby);
is($standby->safe_psql('app_one', 'SELECT x FROM replicated'), 7, 'a standby streams it');
$guard->allowed($owner, 'SELECT x FROM replicated', '7', 'the tenant reads it there', PGPORT => $standby->port);
my ($code, undef, $err) = $host->as_app($owner, 'SELECT 1', PGPORT => $standby->port, PGDATABASE => 'plain');
like($err, qr/permission denied for database/, 'and is kept out of other databases there too');
$standby->stop('immediate');

# --- dumps -----------------------------------------------------------------------------------------------
# Runs a program of PostgreSQL as superuser.
sub program_works
{
	my ($name, @command) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $errors = '';
	IPC::Run::run([ shift @command, '-h', $host->host, '-p', $host->port, @command ], '2>', \$errors);
	return is("$? $errors", '0 ', $name);
}

program_works('a superuser dumps the host', 'pg_dumpall', '-f', "$dir/all.sql");
program_works("a superuser dumps a tenant's database", 'pg_dump', '-Fc', '-f', "$dir/one.dump", 'app_one');
works('postgres', 'CREATE DATABASE again', '', 'a database for it');
program_works('and restores it elsewhere', 'pg_restore', '-d', 'again', '--exit-on-error', "$dir/one.dump");

# --- autovacuum, and a superuser who runs a tenant's code ---------------------------------------------------
$host->safe_psql('app_one', <<"SQL");
CREATE FUNCTION public.run(command text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS \$\$ BEGIN EXECUTE command; END \$\$;
SQL
$guard->allowed($owner, <<"SQL", '', 'a tenant lies in wait');
CREATE TABLE bait (x int) WITH (autovacuum_analyze_threshold = 1, autovacuum_analyze_scale_factor = 0);
CREATE FUNCTION harmless(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN x; END';
CREATE INDEX ON bait (harmless(x));
CREATE FUNCTION itself(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN x; END';
CREATE TABLE ordinary (x int) WITH (autovacuum_analyze_threshold = 1, autovacuum_analyze_scale_factor = 0, autovacuum_vacuum_insert_threshold = 1);
CREATE INDEX ON ordinary (itself(x));
CREATE OR REPLACE FUNCTION act() RETURNS void LANGUAGE plpgsql
    AS \$\$ BEGIN PERFORM public.run('COPY (SELECT 1) TO PROGRAM ''touch $dir/escaped'''); END \$\$;
INSERT INTO bait SELECT generate_series(1, 100);
INSERT INTO ordinary SELECT generate_series(1, 1000);
SQL
ok( $host->poll_query_until('app_one', "SELECT last_autoanalyze IS NOT NULL AND last_autovacuum IS NOT NULL FROM pg_stat_user_tables WHERE relname = 'ordinary'"),
	"autovacuum works on a tenant's table with an index on its function");
$guard->forget;
$guard->allowed($owner, <<"SQL", '', 'the function changes its mind');
CREATE OR REPLACE FUNCTION harmless(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE
    AS \$\$ BEGIN IF session_user <> '$tenant->{username}' THEN PERFORM public.act(); END IF; RETURN x; END \$\$;
INSERT INTO bait SELECT generate_series(1, 100);
SQL
($code, undef, $err) = (0, '', '');
$host->psql('app_one', 'ANALYZE bait', stderr => \$err);
like($err, qr/permission denied to tenants: COPY/, "a superuser's ANALYZE runs it, as the tenant");
$host->psql('app_one', 'REINDEX TABLE bait', stderr => \$err);
like($err, qr/permission denied to tenants: COPY/, "so does REINDEX");
ok($host->poll_query_until('control',
		"SELECT count(*) > 0 FROM appinfra.audit WHERE id > $guard->{mark} AND detail->>'rule' = 'copy_program' AND db_id = '$tenant->{db_id}'"),
	'it is in the audit log, as what the tenant did');
ok(!-e "$dir/escaped", 'nothing has escaped');
works('app_one', <<"SQL", 't', 'afterwards the session is the superuser\'s again');
\\set ON_ERROR_STOP off
ANALYZE bait;
\\set ON_ERROR_STOP on
COPY (SELECT 1) TO '$dir/file';
ANALYZE ordinary; REINDEX TABLE ordinary;
SELECT length(pg_read_file('PG_VERSION')) > 0;
SQL

unlike(PostgreSQL::Test::Utils::slurp_file($host->logfile), qr/terminated by signal|PANIC/, 'no process of the server crashed');
done_testing();
