# A refusal says what to do instead, and names the tenant's own roles. What each rule hints at is
# looked for in test/attack; here are those that depend on who asks, and for what.
use strict;
use warnings;
use Appinfra;
use Appinfra::Guard;
use Test::More;

my $host = Appinfra->make('instead', pool_size => 2);
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
hinted($owner, "ALTER DATABASE app_one SET timezone = 'UTC'", 'options', 'ALTER DATABASE SET');
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

done_testing();
