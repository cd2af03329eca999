# Whose code runs: what a tenant can change runs with the tenant's rights only, in whatever process.
# A superuser's programs and statements go on working on a host with tenants; for tables on which a
# tenant's function stands, the way to go on is the one that the hint names.
use strict;
use warnings;
use Appinfra;
use Appinfra::Dsn qw(parse_dsn);
use Appinfra::Guard;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $host = Appinfra->make('whose', pool_size => 2, conf => "autovacuum_naptime = 1s\n");
my $tenant = $host->provision(app_id => 'app-1', slug => 'one', publish => 0,
	env => { DATABASE_URL => 'owner', W => 'writer' });
my $second = $host->provision(app_id => 'app-2', slug => 'two', publish => 0);
my $guard = Appinfra::Guard->new($host);
my ($owner, $group, $dir) = ($tenant->{url}, 'app_one_owner', $host->basedir);

sub superuser
{
	my ($sql, %options) = @_;
	my ($out, $err) = ('', '');
	my $code = $host->psql($options{database} // 'app_one', $sql, stdout => \$out, stderr => \$err,
		extra_params => [ '-v', 'VERBOSITY=verbose', @{ $options{params} // [] } ], on_error_stop => $options{stop} // 1);
	return ($code, $out, $err);
}

sub works
{
	my ($sql, $expected, $name, %options) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($code, $out, $err) = superuser($sql, %options);
	return is("$code $out", "0 $expected", $name) || diag $err;
}

sub refused
{
	my ($sql, $rule, $name, %options) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my (undef, undef, $err) = superuser($sql, %options);
	return like($err, qr/ERROR:  42501: .*\n(?:.*\n)*DETAIL:  Rule "$rule": /, $name);
}

sub program
{
	my ($name, $expected, @command) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $errors = '';
	IPC::Run::run([ shift @command, '-h', $host->host, '-p', $host->port, @command ], '>', \my $out, '2>', \$errors);
	return $expected ? like($errors, $expected, $name) : is("$? $errors", '0 ', $name);
}

# --- a tenant lies in wait ------------------------------------------------------------------------------
$guard->allowed($owner, <<"SQL", '', 'a tenant makes what superusers may touch');
CREATE FUNCTION strike(how text) RETURNS text LANGUAGE plpgsql AS \$\$ BEGIN
    BEGIN EXECUTE how; EXCEPTION WHEN OTHERS THEN NULL; END;
    COPY (SELECT 1) TO PROGRAM 'touch $dir/escaped'; RETURN current_user; END \$\$;
CREATE FUNCTION fine(x int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN x > 0; END';
CREATE FUNCTION hit() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN PERFORM public.strike(''); RETURN NULL; END \$\$;
CREATE VIEW report AS SELECT public.strike('') AS x;
CREATE TABLE triggered (x int); CREATE TRIGGER hit AFTER INSERT ON triggered FOR EACH ROW EXECUTE FUNCTION hit();
CREATE TABLE deferred (x int);
CREATE CONSTRAINT TRIGGER hit AFTER INSERT ON deferred DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hit();
CREATE TABLE checked (x int CHECK (fine(x))); INSERT INTO checked SELECT generate_series(1, 100);
CREATE INDEX ON checked (fine(x));
CREATE TABLE plain (x int PRIMARY KEY, y text DEFAULT 'a' CHECK (length(y) < 9)); INSERT INTO plain SELECT generate_series(1, 100);
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FILTER (WHERE fine(x)) FROM checked;
SQL
# From 18 on a trigger runs as the role that queued it, so this one goes on as the tenant's, and is refused as that.
my $queued = $host->pg_version->major >= 18 ? 'copy_program' : 'tenant_code';
my $hint = qr/HINT:  SET ROLE $group first\. .*--role=$group --no-owner.*--use-set-session-authorization/;
for my $case ([ 'SELECT * FROM report', 'a view' ], [ 'INSERT INTO triggered VALUES (1)', 'a trigger' ],
	[ 'INSERT INTO deferred VALUES (1)', 'a deferred trigger' ], [ 'INSERT INTO checked VALUES (1)', 'a CHECK' ],
	[ "SET ROLE $group; BEGIN; INSERT INTO deferred VALUES (1); RESET ROLE; COMMIT", 'a trigger that was deferred until the role was reset', $queued ])
{
	my ($sql, $name, $rule) = @$case;
	$rule //= 'tenant_code';
	refused($sql, $rule, "$name of a tenant's does not run as a superuser");
	like((superuser($sql))[2], $hint, 'the hint says how to go on') if $rule eq 'tenant_code';
}
works("SELECT count(*), max(y) FROM plain; INSERT INTO plain VALUES (200); DELETE FROM plain WHERE x = 200", '100|a', 'a superuser reads and writes where no function stands');

# --- SET ROLE -------------------------------------------------------------------------------------------
for my $how ('SET LOCAL ROLE NONE', 'SET ROLE NONE', 'RESET ROLE', "SELECT set_config('role', 'none', false)", "SET ROLE $ENV{USER}",
	'SET LOCAL SESSION AUTHORIZATION DEFAULT', 'RESET SESSION AUTHORIZATION', "SET SESSION AUTHORIZATION $ENV{USER}", 'RESET ALL', 'DISCARD ALL')
{
	my $quoted = $how =~ s/'/''/gr;
	for my $become ("SET ROLE $group", "SET SESSION AUTHORIZATION $group")
	{
		refused("$become; SELECT strike('$quoted')", 'copy_program', "$become; then $how in a function opens nothing");
	}
}
refused("SET ROLE $group; SELECT set_config('role', 'none', false)", 'setting_identity', 'set_config() does not lead out');
refused("SET ROLE $group; DO 'BEGIN RESET ROLE; END'", 'setting_identity', 'nor does RESET inside DO');
refused("SET ROLE $group; CREATE FUNCTION clause() RETURNS int LANGUAGE sql SET role = none AS 'SELECT 1'; SELECT clause()", 'setting_identity', 'nor a SET clause');
works("SET ROLE $group; SELECT fine(1); INSERT INTO checked VALUES (7); SELECT count(*) FROM checked; RESET ROLE; SELECT current_user = session_user",
	"t\n101\nt", 'a superuser who is the tenant uses what the tenant has made, and is himself again');
works("SET SESSION AUTHORIZATION $group; SET SESSION AUTHORIZATION app_two_owner; SET SESSION AUTHORIZATION DEFAULT; SET ROLE $group; SET ROLE app_two_owner; SET ROLE NONE;"
	  . " BEGIN; SET LOCAL ROLE $group; SAVEPOINT a; ROLLBACK TO a; COMMIT; SET ROLE $group; DISCARD ALL; SELECT current_user = session_user", 't', 'the client changes roles as it likes');
ok(!-e "$dir/escaped", 'no program ran');

# --- whatever happens inside, the session is the superuser's own again afterwards --------------------------
$guard->allowed($owner, <<'SQL', '', 'functions that end in every way');
CREATE FUNCTION rows() RETURNS SETOF int LANGUAGE plpgsql AS 'BEGIN FOR i IN 1..9 LOOP RETURN NEXT i; END LOOP; END';
CREATE FUNCTION rows_sql() RETURNS SETOF int LANGUAGE sql AS 'SELECT generate_series(1, 9)';
CREATE FUNCTION fails(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN IF n = 0 THEN RAISE 'x'; END IF;
    BEGIN RETURN public.fails(n - 1); EXCEPTION WHEN OTHERS THEN RAISE; END; END $$;
CREATE FUNCTION catches(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN public.fails(n); EXCEPTION WHEN OTHERS THEN RETURN 0; END $$;
CREATE TABLE batch (i int);
CREATE PROCEDURE batches() LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1..3 LOOP INSERT INTO public.batch VALUES (i); COMMIT; INSERT INTO public.batch VALUES (i); ROLLBACK; END LOOP; END $$;
SQL
works(<<"SQL", '', 'functions that end in every way, called by a superuser who is the tenant', stop => 0);
SET ROLE $group;
\\o /dev/null
SELECT * FROM rows() LIMIT 1; SELECT rows() LIMIT 1; SELECT rows_sql() LIMIT 1; SELECT fails(9); SELECT catches(9);
CALL batches();
BEGIN; DECLARE c CURSOR FOR SELECT rows_sql() + catches(1); FETCH 2 FROM c; SAVEPOINT a; SELECT fails(3); ROLLBACK TO a; FETCH 1 FROM c; ROLLBACK;
BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT rows(); COMMIT; FETCH 2 FROM h;
SET statement_timeout = 20; SELECT catches(1), pg_sleep(9); RESET statement_timeout;
RESET ROLE;
COPY (SELECT 1) TO PROGRAM 'cat > $dir/own';
SQL
ok(-e "$dir/own", 'then the superuser runs a program');
is((superuser('SELECT count(*) FROM batch'))[1], 3, 'a procedure commits and rolls back as ever');

# --- autovacuum, with what a superuser's function let a tenant make ------------------------------------------
superuser(<<"SQL");
CREATE SCHEMA planted;
CREATE FUNCTION planted.act() RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN COPY (SELECT 1) TO PROGRAM 'touch $dir/escaped'; EXCEPTION WHEN insufficient_privilege THEN NULL; END \$\$;
CREATE FUNCTION planted.seen(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM planted.act(); RETURN x; END';
CREATE TABLE planted.bomb (x int) WITH (autovacuum_analyze_threshold = 1, autovacuum_analyze_scale_factor = 0);
CREATE INDEX ON planted.bomb (planted.seen(x));
SQL
$guard->forget;
superuser('INSERT INTO planted.bomb SELECT generate_series(1, 100)');
$host->poll_query_until('app_one', "SELECT last_autoanalyze IS NOT NULL FROM pg_stat_user_tables WHERE relname = 'bomb'") or die 'autovacuum never came';
ok($host->control("SELECT count(*) FROM appinfra.audit WHERE id > $guard->{mark} AND detail->>'rule' = 'copy_program' AND db_id = '$tenant->{db_id}'") > 0,
	'autovacuum in a tenant\'s database is guarded, also on a superuser\'s table');
refused("SELECT planted.seen(1); SELECT pg_read_file('PG_VERSION'); CREATE FUNCTION planted.go() RETURNS void LANGUAGE plpgsql AS 'BEGIN COPY (SELECT 1) TO PROGRAM ''touch $dir/escaped''; END'; SELECT planted.go()",
	'copy_program', 'so is any function that somebody made there, a superuser\'s too');
ok(!-e "$dir/escaped", 'no program ran');

# --- parallel workers -------------------------------------------------------------------------------------
my $force = (superuser("SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')"))[1];
superuser(<<'SQL');
CREATE TABLE planted.seven AS SELECT 7 AS x;
CREATE FUNCTION planted.pid() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT pg_backend_pid()::text';
CREATE FUNCTION planted.secret() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN QUERY SELECT min(planted.pid() || ' ' || current_setting('data_directory')) FROM planted.seven; END $$;
SQL
works("SET $force = on; SELECT split_part(s, ' ', 1)::int <> pg_backend_pid(), split_part(s, ' ', 2) FROM planted.secret() s", 't|',
	'the parallel worker of a guarded leader is guarded');
works("SET $force = on; SELECT current_setting('data_directory') <> '' FROM planted.seven", 't', 'that of a superuser\'s plain query is not');

# --- observe ----------------------------------------------------------------------------------------------
$host->control("ALTER SYSTEM SET appinfra.guard = 'observe'");
$host->reload;
$host->poll_query_until('postgres', "SELECT current_setting('appinfra.guard') = 'observe'");
refused('SELECT * FROM report', 'tenant_code', 'in observe mode a tenant\'s code does not run as a superuser either');
refused("SET ROLE $group; SELECT strike('')", 'copy_program', 'nor does it get further after SET ROLE');
ok(!-e "$dir/escaped", 'no program ran');
$host->control('ALTER SYSTEM RESET appinfra.guard');
$host->reload;
$host->poll_query_until('postgres', "SELECT current_setting('appinfra.guard') = 'enforce'");

# --- monitoring ------------------------------------------------------------------------------------------
superuser('CREATE ROLE watcher LOGIN IN ROLE pg_monitor, pg_read_all_data; GRANT CONNECT ON DATABASE app_one TO watcher', database => 'postgres');
PostgreSQL::Test::Utils::append_to_file($host->data_dir . '/pg_hba.conf', "local all watcher trust\n");
$host->reload;
works('SELECT count(*) > 0 FROM pg_stat_activity; SELECT count(*) FROM plain; SELECT pg_database_size(current_database()) > 0; SELECT count(*) > 0 FROM information_schema.columns; SELECT count(*) > 0 FROM pg_stats',
	"t\n100\nt\nt\nt", 'a monitoring login reads statistics and tables', params => [ '-U', 'watcher' ]);
refused('SELECT * FROM report', 'tenant_code', 'it does not run a tenant\'s code', params => [ '-U', 'watcher' ]);

# --- programs ---------------------------------------------------------------------------------------------
program('pg_dump', undef, 'pg_dump', '-f', "$dir/one.sql", 'app_one');
program('pg_dump in parallel', undef, 'pg_dump', '-Fd', '-j2', '-f', "$dir/one.dir", 'app_one');
program('pg_dump --role', undef, 'pg_dump', '-Fc', "--role=$group", '-n', 'public', '-f', "$dir/one.dump", 'app_one');
program('vacuumdb', qr/^[^E]*$/, 'vacuumdb', '-q', '-z', '-f', 'app_one');
program('reindexdb', qr/^(?:.*WARNING.*\n)*$/, 'reindexdb', '-q', 'app_one');
program('clusterdb', undef, 'clusterdb', '-q', 'app_one');
superuser('CREATE EXTENSION amcheck');
program('pg_amcheck', undef, 'pg_amcheck', '--heapallindexed', 'app_one');
works("REFRESH MATERIALIZED VIEW counted; ANALYZE; VACUUM checked; REINDEX TABLE checked; ALTER TABLE plain ADD z int; CREATE INDEX CONCURRENTLY ON plain (y); SELECT * FROM counted", '101', 'a superuser looks after the tables');
superuser('GRANT ALL ON SCHEMA public TO app_two_owner', database => 'app_two');
program('pg_restore --role --no-owner', undef, 'pg_restore', '--role=app_two_owner', '--no-owner', '--no-acl', '-d', 'app_two', '--exit-on-error', '-t', 'plain', "$dir/one.dump");
is((superuser('SELECT count(*) FROM plain', database => 'app_two'))[1], 100, 'brings the rows back');
superuser('DROP SCHEMA public CASCADE', database => 'app_two');
program('pg_restore --role --no-owner of all', undef, 'pg_restore', '--role=app_two_owner', '--no-owner', '--no-acl', '-d', 'app_two', "$dir/one.dump");
is((superuser('SELECT count(*) FROM checked', database => 'app_two'))[1], 101, 'brings back what functions stand on');
superuser('DROP SCHEMA public CASCADE');
program('pg_restore as superuser', $hint, 'pg_restore', '-d', 'app_one', "$dir/one.dump");
is((superuser('SELECT count(*) FROM plain'))[1], 100, 'brings back tables without functions');
superuser('DROP SCHEMA public CASCADE');
program('pg_restore --use-set-session-authorization', undef, 'pg_restore', '--use-set-session-authorization', '-d', 'app_one', "$dir/one.dump");
is((superuser('SELECT count(*) FROM checked'))[1], 101, 'brings back all');
ok(!-e "$dir/escaped", 'no program ran');

# --- what the tenant tries, and catches ----------------------------------------------------------------------
for my $case ([ "PERFORM pg_read_file('/etc/passwd')", 'function_file' ], [ "SET log_statement = 'all'", 'setting_superuser' ],
	[ "COPY (SELECT 1) TO '/etc/cron.d/x'", 'copy_file' ], [ "EXECUTE 'EXPLAIN SELECT pg_ls_dir(''.'')'", 'function_file' ])
{
	my ($statement, $rule) = @$case;
	$guard->forget;
	$guard->allowed($owner, "DO \$\$ BEGIN FOR i IN 1..5 LOOP BEGIN $statement; EXCEPTION WHEN insufficient_privilege THEN NULL; END; END LOOP; END \$\$", '', "a tenant catches: $statement");
	$guard->soon(sub { $host->control("SELECT coalesce(sum(coalesce((detail->>'count')::int, 1)), 0) FROM appinfra.audit WHERE id > $guard->{mark} AND outcome = 'refused' AND detail->>'rule' = '$rule'") eq '5' },
		'each time is counted');
}
is($host->control("SELECT count(*) > 0 FROM appinfra.audit WHERE detail->>'object' = 'COPY to file ''/etc/cron.d/x'''"), 't', 'the audit names the file');

unlike(PostgreSQL::Test::Utils::slurp_file($host->logfile), qr/terminated by signal|PANIC/, 'no process of the server crashed');
done_testing();
