# The guard goes by who logged in: neither a superuser's function nor a grant made by mistake opens
# anything, other databases and replication are closed, each refusal is audited; and its setting
# reaches running sessions. What it refuses in all its breadth is tried in test/attack.
use strict;
use warnings;
use Appinfra;
use Appinfra::Guard;
use Appinfra::Wire;
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);

my $host = Appinfra->make('guard', pool_size => 2, conf => "wal_level = logical\nmax_wal_senders = 4\n");
my $hba = $host->data_dir . '/pg_hba.conf';
open my $out, '>>', $hba or die $!;
print $out "host replication all 127.0.0.1/32 scram-sha-256\n";
close $out;
$host->reload;
my $tenant = $host->provision(app_id => 'app-a', slug => 'a', env => { DATABASE_URL => 'owner', R => 'reader' }, publish => 0);
my $other = $host->provision(app_id => 'app-b', slug => 'b', publish => 0);
my $guard = Appinfra::Guard->new($host);
my ($owner, $reader, $user) = ($tenant->{url}, $tenant->{env}{R}, $tenant->{username});
my $dir = $host->basedir;

sub superuser { return $host->safe_psql($_[1] // 'app_a', $_[0]); }

# --- a superuser's function that runs what it is given ----------------------------------------------
superuser(<<'SQL');
CREATE FUNCTION public.run(command text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    AS $$ BEGIN EXECUTE command; END $$;
CREATE FUNCTION public.read(path text) RETURNS text LANGUAGE internal SECURITY DEFINER AS 'pg_read_file_all';
SQL
$host->wait_for_pool(2);    # which makes roles
my $before = superuser("SELECT md5(string_agg(a::text, ',' ORDER BY oid)) FROM pg_authid a");
for my $case (
	[ "COPY (SELECT 1) TO PROGRAM 'touch $dir/program'", 'copy_program' ],
	[ "COPY (SELECT 1) TO '$dir/file'", 'copy_file' ],
	[ "SELECT pg_read_file('PG_VERSION')", 'function_file' ],
	[ "LOAD 'auto_explain'", 'load_library' ],
	[ "ALTER SYSTEM SET work_mem = '1MB'", 'alter_system' ],
	[ "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'x', 'y'", 'untrusted_language' ],
	[ "CREATE FUNCTION f(text) RETURNS text LANGUAGE internal AS 'pg_read_file_all'", 'untrusted_language' ],
	[ 'CREATE ROLE evil SUPERUSER', 'role' ],
	[ 'UPDATE pg_authid SET rolsuper = true', 'catalog_write' ],
	[ 'DELETE FROM pg_auth_members', 'catalog_write' ],
	[ 'UPDATE pg_database SET datacl = NULL', 'catalog_write' ],
	[ 'INSERT INTO pg_proc SELECT * FROM pg_proc LIMIT 1', 'catalog_write' ],
	[ 'SELECT rolpassword FROM pg_authid', 'catalog_secret' ])
{
	my ($command, $rule) = @$case;
	my $quoted = $command =~ s/'/''/gr;
	$guard->forget;
	$guard->refused($owner, "SELECT run('$quoted')", $rule, "by an owner: $command");
	$guard->refused($reader, "SET default_transaction_read_only = off; SELECT run('$quoted')", $rule, "by a reader: $command");
}
$guard->refused($owner, "SELECT read('PG_VERSION')", 'function_file', 'a function under another name');
is(superuser("SELECT md5(string_agg(a::text, ',' ORDER BY oid)) FROM pg_authid a"), $before, 'no role has changed');
ok(!-e "$dir/program" && !-e "$dir/file", 'no program ran and no file was written');

# --- granted by mistake ---------------------------------------------------------------------------
superuser("GRANT pg_read_server_files, pg_execute_server_program, pg_write_server_files TO app_a_owner; ALTER ROLE app_a_owner INHERIT");
superuser('GRANT EXECUTE ON FUNCTION pg_read_file(text), pg_ls_dir(text), lo_import(text) TO PUBLIC');
$guard->forget;
$guard->refused($owner, "SELECT pg_read_file('PG_VERSION')", 'function_file', 'EXECUTE on pg_read_file');
$guard->refused($reader, "SELECT pg_ls_dir('.')", 'function_file', 'EXECUTE on pg_ls_dir, to PUBLIC');
$guard->refused($owner, "CREATE TABLE t (x text); COPY t FROM '/etc/passwd'", 'copy_file', 'pg_read_server_files');
$guard->refused($owner, "CREATE TABLE IF NOT EXISTS t (x text); COPY t TO '$dir/file'", 'copy_file', 'pg_write_server_files');
$guard->refused($owner, "CREATE TABLE IF NOT EXISTS t (x text); COPY t FROM PROGRAM 'id'", 'copy_program', 'pg_execute_server_program');
$guard->refused($owner, 'SET ROLE pg_read_server_files', 'setting_role', 'SET ROLE to what was granted');
superuser('REVOKE pg_read_server_files, pg_execute_server_program, pg_write_server_files FROM app_a_owner; ALTER ROLE app_a_owner NOINHERIT');

# --- other databases, replication -------------------------------------------------------------------
superuser('CREATE DATABASE open', 'postgres');
superuser('GRANT CONNECT ON DATABASE open, app_b TO PUBLIC', 'postgres');
superuser("ALTER ROLE $user REPLICATION", 'postgres');
$guard->forget;
my $login = "action = 'login' AND outcome = 'refused' AND credential = '$user'";
for my $database ('open', 'app_b', 'postgres', 'control')
{
	$guard->forget;
	my ($code, undef, $err) = $host->as_app($owner, 'SELECT 1', PGDATABASE => $database);
	is($code, 2, "no login into $database");
	like($err, qr/permission denied for database/, 'which says why') if $database =~ /^(open|app_b)$/;
	$guard->audited($login, 'login_database', "the login into $database");
}
for my $value ('database', 'true', 'on', '1')
{
	$guard->forget;
	is(eval { Appinfra::Wire->login($owner, replication => $value); 1 } // $@, "42501 permission denied for replication\n",
		"replication=$value is refused");
	$guard->audited($login, 'login_replication', "replication=$value");
}
superuser("ALTER ROLE $user NOREPLICATION", 'postgres');
superuser('REVOKE CONNECT ON DATABASE app_b FROM PUBLIC', 'postgres');

# --- the setting reaches running sessions --------------------------------------------------------------
my $session = Appinfra::Wire->login($owner);
my $read = "SELECT read('PG_VERSION') IS NOT NULL";

sub outcome { return eval { $session->query($read)->[0][0] } // $@; }

# Sets the guard, and waits until the session does as it is told.
sub set_guard
{
	my ($value, $expected) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$host->control("ALTER SYSTEM SET appinfra.guard = $value");
	$host->reload;
	$guard->forget;
	return $guard->soon(sub { outcome() =~ $expected }, "a running session under guard = $value");
}

like(outcome(), qr/^42501 /, 'enforce: a session is refused');
set_guard('observe', qr/^t$/);
$guard->audited("action = 'guard' AND outcome = 'done' AND detail ? 'observed'", 'function_file', 'what was let through');
is(($host->as_app($other->{url}, 'SELECT 1', PGDATABASE => 'open'))[0], 0, 'observe: a login into another database is let in');
$guard->audited("action = 'login' AND outcome = 'done' AND detail ? 'observed'", 'login_database', 'that as well');
is(eval { $host->provision(app_id => 'app-c', slug => 'c', publish => 0)->{status} }, 'ready', 'observe: provisioning works');

set_guard('off', qr/^t$/);
$guard->forget;
is(outcome(), 't', 'off: it may');
is(($host->as_app($other->{url}, 'SELECT 1', PGDATABASE => 'open'))[0], 0, 'off: a login into another database is let in');
my ($code, undef, $err) = $host->try_control($host->provision_sql(app_id => 'app-d', slug => 'd', publish => 0));
like($err, qr/ERROR:  55000: .*\n(?:.*\n)*HINT:  .*appinfra\.guard/, 'off: provisioning refuses, and says what to do');

set_guard('enforce', qr/^42501 /);
$guard->audited("outcome = 'refused' AND credential = '$user'", 'function_file', 'the refusal');
is($host->control("SELECT count(*) FROM appinfra.audit WHERE id > $guard->{mark} AND detail ? 'observed'"), 0, 'off recorded nothing');
is(eval { $host->provision(app_id => 'app-d', slug => 'd', publish => 0)->{status} }, 'ready', 'provisioning works again');
$session->close;

my $log = PostgreSQL::Test::Utils::slurp_file($host->logfile);
unlike($log, qr/terminated by signal|PANIC/, 'no process of the server crashed');
done_testing();
