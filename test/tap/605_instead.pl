# A refusal says what to do instead, and names the tenant's own roles. What each rule hints at is
# looked for in test/attack; here are those that depend on who asks, and for what.
use strict;
use warnings;
use Appinfra;
use Appinfra::Guard;
use Test::More;

my $host = Appinfra->make('instead', pool_size => 2, conf => "shared_preload_libraries = 'pg_stat_statements, appinfra'\n");
my $tenant = $host->provision(app_id => 'app-1', slug => 'one', publish => 0,
	env => { DATABASE_URL => 'owner', W => 'writer', W2 => 'writer', R => 'reader' });
my $other = $host->provision(app_id => 'app-2', slug => 'two', publish => 0);
my ($owner, $writer, $reader) = @{ $tenant->{env} }{qw(DATABASE_URL W R)};
my $guard = Appinfra::Guard->new($host);
my $groups = 'app_one_owner, app_one_writer, app_one_reader, app_one_service';

# Tests that a refusal has a HINT that fits the pattern.
sub hinted
{
	my ($dsn, $sql, $hint, $name) = @_;
	my (undef, undef, $err) = $host->as_app($dsn, $sql);
	return like($err, qr{(?:ERROR|FATAL):  (?:42501: )?permission denied.*\n(?:.*\n)*HINT:  .*$hint}, $name);
}

# --- roles and databases ---------------------------------------------------------------------------
hinted($owner, 'CREATE TABLE t (x int); GRANT SELECT ON t TO app_two_owner', $groups, 'GRANT names the groups of the tenant');
hinted($owner, 'CREATE ROLE app', $groups, 'so does CREATE ROLE');
hinted($owner, 'CREATE DATABASE test_app', 'schema in this database', 'CREATE DATABASE');
hinted($owner, "ALTER DATABASE app_one SET timezone = 'UTC'", 'tenant_set', 'ALTER DATABASE SET');
hinted($owner, 'REINDEX DATABASE app_one', 'REINDEX SCHEMA public', 'REINDEX DATABASE');
hinted($owner, "COPY (SELECT 1) TO '/tmp/x'", 'psql', 'COPY to a file');
hinted($owner, "SET local_preload_libraries = 'x'", 'extension', 'a setting');
hinted($owner, "SET ROLE app_two_owner", $groups, 'a role');
(my $elsewhere = $owner) =~ s{/app_one\?}{/app_two?};
hinted($elsewhere, 'SELECT 1', 'the database that the DSN names', 'a login elsewhere');

# --- what core refuses -----------------------------------------------------------------------------
hinted($owner, 'SELECT pg_cancel_backend(1)', 'tenant_cancel_session', 'pg_cancel_backend');
hinted($owner, 'SELECT pg_terminate_backend(1)', 'tenant_terminate_session', 'pg_terminate_backend');
hinted($owner, "SELECT pg_database_size('app_two')", '--no-db-size', 'the size of another database');
$guard->allowed($owner, 'CREATE TABLE closed (x int); REVOKE ALL ON closed FROM app_one_reader', '', 'a table that readers may not read');
hinted($reader, 'SELECT * FROM closed', 'belongs to app_one_owner', 'a table of the owner');

# --- event triggers --------------------------------------------------------------------------------
my (undef, undef, $notice) = $host->as_app($owner, 'DROP EVENT TRIGGER IF EXISTS pgrst_watch');
like($notice, qr/NOTICE: .*"pgrst_watch" does not exist, skipping/, 'an event trigger that is not there is a notice');
$host->safe_psql('app_one', <<'SQL');
CREATE FUNCTION public.watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER watch ON sql_drop EXECUTE FUNCTION public.watch();
SQL
hinted($owner, 'DROP EVENT TRIGGER IF EXISTS watch', 'pg_restore -L', 'one that is there is refused');
hinted($owner, 'DROP EVENT TRIGGER none', 'pg_restore -L', 'without IF EXISTS, too');

# --- settings of the tenant --------------------------------------------------------------------------
hinted($owner, "ALTER ROLE $tenant->{username} SET timezone = 'UTC'", 'tenant_set', 'ALTER ROLE SET');
sub fails
{
	my ($dsn, $sql, $expected, $name) = @_;
	my (undef, undef, $err) = $host->as_app($dsn, $sql);
	return like($err, $expected, $name);
}
fails($writer, "SELECT tenant_set('timezone', 'UTC')", qr/42501.*only an owner/, 'a writer sets nothing');
fails($owner, "SELECT tenant_set('no_such', '1')", qr/42704/, 'an unknown setting');
fails($owner, "SELECT tenant_set('work_mem', 'much')", qr/22023/, 'a bad value');
fails($owner, "SELECT tenant_set('$_->[0]', '$_->[1]')", qr/42501/, "$_->[0] is refused")
  for [ 'log_statement', 'none' ], [ 'session_replication_role', 'replica' ], [ 'role', 'none' ], [ 'temp_file_limit', '-1' ],
  [ 'local_preload_libraries', 'x' ], [ 'max_parallel_workers', '1' ], [ 'my.own', '1' ],
  [ 'Session_Authorization', 'postgres' ], [ 'default_transaction_read_only', 'off' ];
fails($owner, "SELECT tenant_set('idle_in_transaction_session_timeout', '$_')", qr/22023.*above the host's limit/, "$_ is above the host's limit") for '0', '1h';
fails($owner, "SELECT tenant_set(NULL, 'x')", qr/22004/, 'no name');
fails($owner, "BEGIN READ ONLY; SELECT tenant_set('timezone', 'UTC')", qr/25006/, 'a read-only transaction');
# as superuser, in a superuser's function
$host->safe_psql('app_one', "CREATE FUNCTION public.lift() RETURNS void LANGUAGE sql SECURITY DEFINER AS \$\$ SELECT tenant_set('log_statement', 'none') \$\$");
$host->append_conf('postgresql.conf', "appinfra.guard = 'observe'\n");
$host->reload;
$guard->soon(sub { $host->safe_psql('app_one', 'SHOW appinfra.guard') eq 'observe' }, 'the guard observes');
fails($owner, 'SELECT lift()', qr/42501/, 'not with a superuser\'s rights either');
$host->append_conf('postgresql.conf', "appinfra.guard = 'enforce'\n");
$host->reload;
$guard->soon(sub { $host->safe_psql('app_one', 'SHOW appinfra.guard') eq 'enforce' }, 'the guard enforces');

$guard->allowed($owner, "BEGIN; SELECT tenant_set('timezone', 'Asia/Tokyo'); ROLLBACK", '', 'what is rolled back');
my $shown = q(SELECT current_setting('timezone') || ' ' || current_setting('search_path'));
unlike(($host->as_app($writer, $shown))[1], qr/Tokyo/, 'is not kept');
$host->as_app($owner, "SELECT tenant_set('timezone', 'Asia/Tokyo'); SELECT tenant_set('search_path', 'public, extensions'); SELECT tenant_set('statement_timeout', '30s')");
$guard->allowed($_, $shown, 'Asia/Tokyo public, extensions', 'a login starts with them') for $owner, $writer, $reader;
unlike(($host->as_app($other->{url}, $shown))[1], qr/Tokyo/, "another tenant's does not");
unlike($host->safe_psql('app_one', $shown), qr/Tokyo/, "nor a superuser's session in the database");
is($host->control(q(SELECT string_agg(DISTINCT CASE WHEN setrole = 0 THEN 'the database' ELSE (SELECT split_part(label, ' ', 2) FROM pg_shseclabel WHERE objoid = setrole AND classoid = 'pg_authid'::regclass) END, ' ') FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = 'app_one'))),
	'group login', "for they are kept for its roles, not for the database: no pooler or worker meets them either");
my $later = $host->control("SELECT url FROM appinfra.issue_credential('$tenant->{db_id}', 'writer')");
$guard->allowed($later, $shown, 'Asia/Tokyo public, extensions', 'a later login starts with them, too');
is($host->control("SELECT count(*) FROM appinfra.exposures('$tenant->{db_id}') WHERE rule ~ '^session_setting'"), 0, 'they expose nothing');
my $writer_login = ($writer =~ m{//([^:]+):})[0];
$host->control("ALTER ROLE $writer_login IN DATABASE app_one RESET timezone");
is($host->control("SELECT object || ' ' || grantee FROM appinfra.exposures('$tenant->{db_id}') WHERE rule = 'session_setting_missing'"),
	"TimeZone $writer_login", 'a login that lacks one is named');
$host->control("SELECT appinfra.harden_tenant('$tenant->{db_id}')");
$guard->allowed($writer, $shown, 'Asia/Tokyo public, extensions', 'hardening mends it');
$host->control("ALTER ROLE $writer_login IN DATABASE app_one SET search_path = evil");
is($host->control("SELECT severity FROM appinfra.exposures('$tenant->{db_id}') WHERE rule = 'session_setting'"), 'high', "somebody else's setting is exposed");
$host->control("SELECT appinfra.harden_tenant('$tenant->{db_id}')");
$host->as_app($owner, "SELECT tenant_reset(n) FROM unnest(ARRAY['timezone', 'search_path', 'statement_timeout']) n");
unlike(($host->as_app($writer, $shown))[1], qr/Tokyo|extensions/, 'what is reset is gone');
is($host->control('SELECT count(*) FROM pg_db_role_setting WHERE setdatabase <> 0'), 0, 'and leaves no row');
$guard->soon(sub { $host->control("SELECT count(*) FROM appinfra.audit WHERE action = 'tenant_set' AND detail->>'object' = 'timezone'") > 0 }, 'it is audited');

# --- a tenant's own statements and sessions ---------------------------------------------------------
$host->as_app($other->{url}, 'SELECT 1 AS of_another');
$host->safe_psql('app_one', 'SELECT 1 AS of_a_superuser');
$host->as_app($owner, 'SELECT 1 AS of_the_owner');
$host->as_app($writer, 'SELECT 1 AS of_a_writer');
my $own = q(SELECT string_agg(substring(query from 'of_[a-z_]*'), ' ' ORDER BY query) FROM tenant_statements() WHERE query ~ '^SELECT .1 AS of');
$guard->allowed($owner, $own, 'of_a_writer of_the_owner', "an owner sees its tenant's statements");
$guard->allowed($writer, $own, 'of_a_writer', "a writer sees those of writers");
$guard->allowed($reader, $own, '', 'a reader none of them');
my $sleeper = $host->background_as($tenant->{env}{W2});
$sleeper->query_safe('SELECT 1 AS of_the_other_writer');
my $seen = "SELECT count(*) FROM tenant_sessions() WHERE query ~ 'of_the_other_writer' AND pid <> pg_backend_pid()";
$guard->allowed($owner, $seen, 1, 'an owner sees what all sessions run');
$guard->allowed($writer, $seen, 0, 'a writer does not see what another login runs');
$guard->allowed($tenant->{env}{W2}, $seen, 1, 'that login itself does');
$guard->allowed($writer, 'SELECT query FROM tenant_sessions() WHERE pid = pg_backend_pid()', 'SELECT query FROM tenant_sessions() WHERE pid = pg_backend_pid()', 'and so does the other its own');
$sleeper->quit;
like(($host->as_app($owner, 'SELECT name, installed_by FROM tenant_extensions()'))[1], qr/^hstore\|CREATE EXTENSION$/m, 'the extensions that tenants may have');

done_testing();
